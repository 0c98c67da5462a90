--- From what Kong hands a strategy to the agent's request.

local cjson = require("cjson.safe").new()
local setting = require "kong_vault_py.setting"

-- Kong's other spellings.
local CANONICAL = {
  decode_base64 = "base64_decode",
  oauth2_role_name = "jwt_role",
}
local SWITCH = { on = true, off = false }
-- The agent's own limit; it answers to more than that, but not all of it may fit into a socket.
local MAX_BODY_BYTES = 65536


local declared = {}


--- Returns the options of a vault by name, as its schema declares them.
local function declared_options(name)
  if not declared[name] then
    declared[name] = {}
    for _, field in ipairs(require("kong.vaults." .. name .. ".schema").fields[1].config.fields) do
      local option, attributes = next(field)
      declared[name][option] = attributes
    end
  end
  return declared[name]
end


--- Returns a switch that kong.conf has as on or off: Kong's schemas take true and false alone, and drop these.
local function switch_of(name, option)
  return SWITCH[setting(name .. "_" .. option) or ""]
end


--- Returns the value behind a reference in a vault's own option, or nil and why not.
-- While Kong's command line reads kong.conf it hands such a reference on as it is.
local function dereferenced(name, option, value)
  local variable = value:match("^{vault://env/([%w_-]+)}$")
  local found = variable and os.getenv((variable:gsub("-", "_"):upper()))
  if found then
    return found
  end
  return nil, ("Kong has not resolved the reference in option '%s'; give the value in KONG_VAULT_%s_%s"):format(
    option, name:gsub("-", "_"):upper(), option:upper())
end


--- Whether Kong has filled defaults in. It does so for vault entities. A vault by its name has what somebody wrote in
-- kong.conf or in a reference's query, and of the defaults just those of required options.
local function is_filled(options, config)
  for option, attributes in pairs(options) do
    if attributes.default ~= nil and not attributes.required and config[option] == nil then
      return false
    end
  end
  return true
end


--- Returns what to send of a config: the options that were set, by their first name; or nil and why not.
-- Defaults that Kong filled in are left out: the agent has the same ones, and can tell what an operator wrote.
-- @param name the strategy
-- @param config as Kong has validated it
local function options_to_send(name, config)
  local sent, options = {}, declared_options(name)
  local filled = is_filled(options, config)
  for option, attributes in pairs(options) do
    local value = config[option]
    if value == nil and attributes.type == "boolean" and not filled then
      value = switch_of(name, option)
    end
    if type(value) == "string" and value:sub(1, 9) == "{vault://" then
      local err
      value, err = dereferenced(name, option, value)
      if not value then
        return nil, err
      end
    end
    local plain = type(value) == "string" or type(value) == "number" or type(value) == "boolean"
    local said = value ~= attributes.default or not (filled or attributes.required)
    if plain and said and option:sub(1, 6) ~= "agent_" then
      local first = CANONICAL[option]
      if not first then
        sent[option] = value
      elseif sent[first] == nil then
        sent[first] = value
      end
    end
  end
  return sent
end


--- Returns the text of an HTTP request for one resource, or nil and why there is none.
-- @param address see address.lua
-- @param keep_alive whether the connection may be used again
return function(address, keep_alive, name, config, resource, version)
  local options, body, err
  options, err = options_to_send(name, config)
  if not options then
    return nil, err
  end
  body, err = cjson.encode {
    strategy = name,
    config = options,
    resource = resource,
    version = version or cjson.null,
  }
  if not body then
    return nil, "it can't be written as JSON: " .. tostring(err)
  end
  if #body > MAX_BODY_BYTES then
    return nil, ("config and resource are larger than %d bytes"):format(MAX_BODY_BYTES)
  end
  local lines = {
    "POST /v1/fetch HTTP/1.1",
    "Host: " .. (address.path and "localhost" or address.shown),
    "Accept: application/json",
    "Content-Type: application/json",
    "Content-Length: " .. #body,
    "Connection: " .. (keep_alive and "keep-alive" or "close"),
  }
  if address.token then
    lines[#lines + 1] = "X-Kong-Vault-Token: " .. address.token
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end
