--- Makes a list of calls of vault strategies, each by way of a config built as Kong builds it.

local cjson = require "cjson.safe"
local mini_kong = require "mini_kong"

-- Values as they came, bytes and all, in what JSON can hold.
local function hex(text)
  return (text:gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end))
end


local function result_of(call)
  local strategy = require("kong.vaults." .. call.strategy)
  local config = call.exact and call.config or mini_kong.config_of(call.strategy, call.config)
  local version = call.version ~= cjson.null and call.version or nil
  local value, err, ttl = strategy.get(config, call.resource, version)
  return { value = value and hex(value) or cjson.null, err = err or cjson.null, ttl = ttl or cjson.null }
end


return {
  --- Returns the results as JSON text.
  results_of = function(text)
    local results = {}
    for position, call in ipairs(assert(cjson.decode(text))) do
      local ok, result = pcall(result_of, call)
      results[position] = ok and result or { raised = tostring(result) }
    end
    return #results == 0 and "[]" or cjson.encode(results)
  end,
}
