-- Lua code runs in Kong (nginx with LuaJIT) and in plain LuaJIT: `make lint` checks it where luacheck is installed.
std = "ngx_lua+luajit"
max_line_length = 120
read_globals = { "kong" }
include_files = { "kong_vault_py/lua/**/*.lua", "tests/lua/*.lua" }

-- Written by `python -m docs.fill_lua_schemas`: a description is one line.
files["kong_vault_py/lua/kong/vaults/*/schema.lua"] = { max_line_length = false }
