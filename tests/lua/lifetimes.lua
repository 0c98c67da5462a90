--- Reads {"ttl", "config"} pairs from standard input: when Kong asks again for a value that came with this ttl.

local cjson = require "cjson"
local asks_again_in = require("mini_kong").asks_again_in
local read_answer = require "kong_vault_py.answer"

local found = {}
for position, case in ipairs(cjson.decode(io.read("*a"))) do
  local body = cjson.encode { value = "x", encoding = "utf-8", ttl = case.ttl }
  local _, err, ttl = read_answer({ status = 200, body = body }, case.config)
  assert(not err, err)
  found[position] = asks_again_in(ttl, case.config) or cjson.null
end
io.write(cjson.encode(found))
