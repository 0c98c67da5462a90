--- Connections that don't block the worker, kept alive in nginx's pool: for the phases that have cosockets.

local KEEPALIVE_MS = 10000
local POOL_SIZE = 32
local CHUNK_BYTES = 65536

local Connection = {}
Connection.__index = Connection


--- Connects.
-- @param address { path = } or { host =, port = }
-- @param deadline see clock.lua
-- @return a connection, or nil and why
local function connect(address, deadline)
  local left_ms = deadline:left_ms()
  if not left_ms then
    return nil, "timeout"
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(left_ms, left_ms, left_ms)
  local ok, err
  if address.path then
    ok, err = socket:connect("unix:" .. address.path)
  else
    local host = address.host
    ok, err = socket:connect(host:find(":", 1, true) and "[" .. host .. "]" or host, address.port)
  end
  if not ok then
    return nil, err
  end
  return setmetatable({
    socket = socket,
    deadline = deadline,
    reused = (socket:getreusedtimes() or 0) > 0,
  }, Connection)
end


function Connection:send(text)
  local left_ms = self.deadline:left_ms()
  if not left_ms then
    return nil, "timeout"
  end
  self.socket:settimeouts(left_ms, left_ms, left_ms)
  return self.socket:send(text)
end


--- Returns what has come, one byte at least; or nil and why ("closed", "timeout").
function Connection:receive()
  local left_ms = self.deadline:left_ms()
  if not left_ms then
    return nil, "timeout"
  end
  self.socket:settimeouts(left_ms, left_ms, left_ms)
  return self.socket:receiveany(CHUNK_BYTES)
end


--- Ends the exchange: keeps the connection for the next one, or closes it.
function Connection:release(reusable)
  if reusable and self.socket:setkeepalive(KEEPALIVE_MS, POOL_SIZE) then
    return
  end
  self.socket:close()
end


return { connect = connect }
