--- Base64 to bytes: nginx's own function, or the same in Lua where there is no nginx.

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local six_bits = {}
for position = 1, #ALPHABET do
  six_bits[ALPHABET:sub(position, position)] = position - 1
end


local function decoded_group(a, b, c, d)
  local number = (six_bits[a] * 64 + six_bits[b]) * 4096 + (six_bits[c] or 0) * 64 + (six_bits[d] or 0)
  local bytes = string.char(math.floor(number / 65536), math.floor(number / 256) % 256, number % 256)
  return bytes:sub(1, d ~= "=" and 3 or c ~= "=" and 2 or 1)
end


local function decode(text)
  if #text % 4 ~= 0 or not text:match("^[%w+/]*=?=?$") then
    return nil
  end
  return (text:gsub("(.)(.)(.)(.)", decoded_group))
end


return ngx and ngx.decode_base64 or decode
