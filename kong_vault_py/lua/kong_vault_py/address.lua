--- Where the agent is: a unix socket, or a port of the loopback interface with a token.

local setting = require "kong_vault_py.setting"

local DEFAULT_SOCKET = "/run/kong-vault/agent.sock"


local function is_loopback(host)
  return host == "localhost" or host == "::1" or host:match("^127%.%d+%.%d+%.%d+$") ~= nil
end


local function of_port(config)
  local host, port, token = config.agent_host or "127.0.0.1", config.agent_port, config.agent_token
  if type(port) ~= "number" or port < 1 or port > 65535 or port % 1 ~= 0 then
    return nil, "agent_port is no port"
  end
  -- A reference's query may set any option in Kong: a token of ours must not leave the machine by it.
  if type(host) ~= "string" or not is_loopback(host) then
    return nil, "agent_host is not of the loopback interface"
  end
  if type(token) ~= "string" or not token:match("^[!-~]+$") then
    return nil, "agent_token is needed with agent_port, as printable characters"
  end
  local shown = (host:find(":", 1, true) and "[" .. host .. "]" or host) .. ":" .. port
  return { host = host == "localhost" and "127.0.0.1" or host, port = port, token = token, shown = shown }
end


--- Returns the agent's address for a vault's config, or nil and what is wrong with the options.
-- @return { path =, shown = } or { host =, port =, token =, shown = }
return function(config)
  if config.agent_port and not config.agent_socket then
    return of_port(config)
  end
  local path = config.agent_socket or setting("py_agent_socket") or DEFAULT_SOCKET
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" or path:find("%z") then
    return nil, "agent_socket is no absolute path"
  end
  return { path = path, shown = "unix:" .. path }
end
