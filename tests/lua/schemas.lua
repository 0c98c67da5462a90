--- Writes the schemas of the vaults named on standard input as JSON.

local cjson = require "cjson"

local found = {}
for _, name in ipairs(cjson.decode(io.read("*a"))) do
  local strategy = require("kong.vaults." .. name)
  local schema = require("kong.vaults." .. name .. ".schema")
  found[name] = { schema = schema, version = strategy.VERSION, get = type(strategy.get) }
end
io.write(cjson.encode(found))
