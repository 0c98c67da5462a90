--- From the agent's answer to what Kong expects of a strategy: value, err, ttl.

local cjson = require("cjson.safe").new()
cjson.decode_invalid_numbers(false)
local decode_base64 = require "kong_vault_py.base64"

local MAX_MESSAGE_BYTES = 1000
-- Kong takes 0 for "never again", while the agent says 0 where a refresh is due.
local SOON_S = 1


local function one_line(text)
  return (text:sub(1, MAX_MESSAGE_BYTES):gsub("%c+", " "))
end


local function no_agent(status)
  return nil, "what answers is no kong-vault agent (HTTP " .. status .. ")"
end


local function failure(status, decoded)
  local problem = type(decoded) == "table" and decoded.error
  if type(problem) ~= "table" or type(problem.code) ~= "string" or type(problem.message) ~= "string" then
    return no_agent(status)
  end
  return nil, one_line(problem.message) .. " (" .. one_line(problem.code) .. ")"
end


--- Returns the ttl in Kong's terms.
-- @param ttl seconds until the agent's own next refresh; null for never
-- @param configured the vault's option
local function ttl_for_kong(ttl, configured)
  if type(ttl) == "number" then
    return math.max(ttl, SOON_S)
  end
  if type(configured) == "number" and configured > 0 then
    return nil
  end
  -- Kong would take a configured 0 as "at every rotation".
  return 0
end


--- Reads an answer.
-- @param answer { status =, body = }
-- @param config the vault's config
-- @return value, err, ttl
return function(answer, config)
  local decoded = cjson.decode(answer.body)
  if answer.status ~= 200 then
    return failure(answer.status, decoded)
  end
  if type(decoded) ~= "table" then
    return no_agent(200)
  end
  local value, encoding, ttl = decoded.value, decoded.encoding, decoded.ttl
  local fine = type(value) == "string" and (encoding == "utf-8" or encoding == "base64")
  if not fine or not (type(ttl) == "number" or ttl == cjson.null) then
    return no_agent(200)
  end
  if encoding == "base64" then
    value = decode_base64(value)
    if not value then
      return no_agent(200)
    end
  end
  return value, nil, ttl_for_kong(ttl, config.ttl)
end
