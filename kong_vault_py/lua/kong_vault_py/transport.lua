--- Which kind of connection a phase allows: cosockets where nginx has them, blocking ones elsewhere.
-- At Kong's start (phase init) a cosocket would keep it from starting; plain LuaJIT has no phases at all.

local cosocket = require "kong_vault_py.cosocket"

local HAVE_COSOCKETS = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  preread = true,
  timer = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
}

local blocking


local function blocking_transport()
  if not blocking then
    local ok, found = pcall(require, "kong_vault_py.ffi_socket")
    blocking = ok and found or require "kong_vault_py.luasocket"
  end
  return blocking
end


return {
  --- The transport for here and now.
  current = function()
    if ngx and ngx.socket and HAVE_COSOCKETS[ngx.get_phase()] then
      return cosocket
    end
    return blocking_transport()
  end,
}
