--- One HTTP/1.1 exchange, read strictly: what is not exactly an answer of the agent is an error.

local MAX_HEAD_BYTES = 16384
local MAX_BODY_BYTES = 16 * 1024 * 1024
local MAX_LINE_BYTES = 1024

local Reader = {}
Reader.__index = Reader


--- Receives more; nil and why not.
function Reader:more()
  local chunk, err = self.connection:receive()
  if not chunk then
    return nil, err
  end
  self.started = true
  self.buffer = self.buffer .. chunk
  return true
end


--- Takes the text up to a separator, without it.
function Reader:take_until(separator, limit_bytes)
  local from = 1
  while true do
    local at = self.buffer:find(separator, from, true)
    if at and at <= limit_bytes then
      local text = self.buffer:sub(1, at - 1)
      self.buffer = self.buffer:sub(at + #separator)
      return text
    end
    if #self.buffer >= limit_bytes then
      return nil, "the answer's head is too long"
    end
    from = math.max(#self.buffer - #separator + 2, 1)
    local ok, err = self:more()
    if not ok then
      return nil, err
    end
  end
end


--- Takes that many bytes.
function Reader:take(count)
  local parts, have = { self.buffer }, #self.buffer
  while have < count do
    self.buffer = ""
    local ok, err = self:more()
    if not ok then
      return nil, err
    end
    parts[#parts + 1] = self.buffer
    have = have + #self.buffer
  end
  local whole = table.concat(parts)
  self.buffer = whole:sub(count + 1)
  return whole:sub(1, count)
end


local function parsed_headers(text)
  local headers = {}
  for line in (text .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^([%w!#$%%&'*+.^_`|~-]+):[ \t]*(.-)[ \t]*$")
    if not name then
      return nil
    end
    name = name:lower()
    if headers[name] and (name == "content-length" or name == "transfer-encoding") then
      return nil
    end
    headers[name] = value
  end
  return headers
end


local function take_chunked(reader)
  local parts, total = {}, 0
  while true do
    local line, err = reader:take_until("\r\n", MAX_LINE_BYTES)
    if not line then
      return nil, err
    end
    local digits = line:match("^(%x+)[ \t]*$") or line:match("^(%x+)[ \t]*;")
    if not digits or #digits > 8 then
      return nil, "the answer is not HTTP"
    end
    local size = tonumber(digits, 16)
    if size == 0 then
      break
    end
    total = total + size
    if total > MAX_BODY_BYTES then
      return nil, "the answer is too large"
    end
    local chunk
    chunk, err = reader:take(size + 2)
    if not chunk then
      return nil, err
    end
    if chunk:sub(-2) ~= "\r\n" then
      return nil, "the answer is not HTTP"
    end
    parts[#parts + 1] = chunk:sub(1, -3)
  end
  repeat
    local trailer, err = reader:take_until("\r\n", MAX_LINE_BYTES)
    if not trailer then
      return nil, err
    end
  until trailer == ""
  return table.concat(parts)
end


local function take_body(reader, headers)
  local encoding, length = headers["transfer-encoding"], headers["content-length"]
  if encoding then
    if encoding:lower() ~= "chunked" or length then
      return nil, "the answer is not HTTP"
    end
    return take_chunked(reader)
  end
  if not length or not length:match("^%d+$") then
    return nil, "the answer is not HTTP"
  end
  -- Twelve digits: compared as a number without loss.
  if #length > 12 or tonumber(length) > MAX_BODY_BYTES then
    return nil, "the answer is too large"
  end
  return reader:take(tonumber(length))
end


--- Sends a request and reads its answer.
-- @param connection see cosocket.lua
-- @param request the request's text
-- @return { status =, body =, reusable = }; or nil, why, and whether any of the answer had come
local function exchange(connection, request)
  local sent, err = connection:send(request)
  if not sent then
    return nil, err, false
  end
  local reader = setmetatable({ connection = connection, buffer = "", started = false }, Reader)
  local head
  head, err = reader:take_until("\r\n\r\n", MAX_HEAD_BYTES)
  if not head then
    return nil, err, reader.started
  end
  local minor, status, rest = head:match("^HTTP/1%.([01]) ([2-5]%d%d)[^\r\n]*\r\n(.*)$")
  local headers = status and parsed_headers(rest)
  if not headers then
    return nil, "the answer is not HTTP", true
  end
  local body
  body, err = take_body(reader, headers)
  if not body then
    return nil, err, true
  end
  local closing = (headers.connection or ""):lower() == "close" or minor == "0"
  return { status = tonumber(status), body = body, reusable = not closing and reader.buffer == "" }
end


return { exchange = exchange }
