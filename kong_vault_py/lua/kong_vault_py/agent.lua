--- The vault strategies of kong-vault-py: thin, they ask the agent of the node (`kong-vault agent`).

local address_of = require "kong_vault_py.address"
local clock = require "kong_vault_py.clock"
local cosocket = require "kong_vault_py.cosocket"
local http = require "kong_vault_py.http"
local read_answer = require "kong_vault_py.answer"
local request_text = require "kong_vault_py.request"
local transport = require "kong_vault_py.transport"

local VERSION = "0.1.0"

local DEFAULT_TIMEOUT_S = 10
-- The agent's own deadline comes first: it says more.
local GRACE_S = 1
-- So long a silent agent is not asked again where asking blocks, as at Kong's start for every reference.
local PAUSE_S = 10

local pauses = {}


local function timeout_s_of(config)
  if type(config.agent_timeout_s) == "number" then
    return config.agent_timeout_s
  end
  local fetch_timeout_s = type(config.fetch_timeout_s) == "number" and config.fetch_timeout_s or 0
  return math.max(DEFAULT_TIMEOUT_S, fetch_timeout_s + GRACE_S)
end


local function no_connection(address, err, name)
  local option = address.path and "agent_socket" or "agent_host and agent_port"
  return ("no connection to the kong-vault agent at %s (%s): start it with 'kong-vault agent', let Kong's user use "
    .. "its socket, or set %s of vault '%s'"):format(address.shown, err, option, name)
end


local function no_answer(address, err, deadline)
  if err == "timeout" then
    err = ("not within %g s"):format(deadline.timeout_s)
  end
  return ("no answer from the kong-vault agent at %s: %s"):format(address.shown, err)
end


--- One exchange; a kept connection that the agent had closed meanwhile is replaced by another.
local function exchange(sockets, address, request, deadline, name)
  while true do
    local connection, err = sockets.connect(address, deadline)
    if not connection then
      return nil, no_connection(address, err, name), err
    end
    local ok, answer, started
    ok, answer, err, started = pcall(http.exchange, connection, request)
    connection:release(ok and answer and answer.reusable)
    if not ok then
      error(answer, 0)
    end
    if answer then
      return answer
    end
    if started or err == "timeout" or not connection.reused then
      return nil, no_answer(address, err, deadline), err
    end
  end
end


local function get(name, config, resource, version)
  local address, err = address_of(config)
  if not address then
    return nil, ("vault '%s': %s"):format(name, err)
  end
  local sockets = transport.current()
  local blocking = sockets ~= cosocket
  local request
  request, err = request_text(address, not blocking, name, config, resource, version)
  if not request then
    return nil, ("vault '%s': %s"):format(name, err)
  end
  local pause = blocking and pauses[address.shown]
  if pause and pause:left_s() then
    return nil, no_answer(address, "it is not asked again so soon after a timeout")
  end
  local deadline = clock.deadline(timeout_s_of(config))
  local answer, message
  answer, message, err = exchange(sockets, address, request, deadline, name)
  if not answer then
    pauses[address.shown] = blocking and err == "timeout" and clock.deadline(PAUSE_S) or nil
    return nil, message
  end
  return read_answer(answer, config)
end


return {
  VERSION = VERSION,

  --- Makes the strategy with that name, as kong/vaults/<name>/init.lua returns it.
  strategy = function(name)
    return {
      VERSION = VERSION,

      --- Asks for a resource. A secret that isn't there is an error with "(not_found)": Kong remembers both alike.
      -- @return value, err, ttl; never raises, as that would stop Kong's rotation of all other secrets
      get = function(config, resource, version)
        local ok, value, err, ttl = pcall(get, name, config, resource, version)
        if not ok then
          return nil, ("vault '%s': %s"):format(name, tostring(value))
        end
        return value, err, ttl
      end,
    }
  end,
}
