--- Blocking connections of LuaSocket, for where LuaJIT's FFI is not there or doesn't know the platform.

local CHUNK_BYTES = 65536

local Connection = {}
Connection.__index = Connection


local function opened(address)
  if not address.path then
    return require("socket").tcp()
  end
  local unix = require "socket.unix"
  -- Version 3.0 returns the function itself, 3.1 a table.
  return type(unix) == "table" and unix.stream() or unix()
end


--- Connects; see cosocket.lua.
local function connect(address, deadline)
  local socket = opened(address)
  -- "t" bounds a call as a whole.
  socket:settimeout(deadline:left_s() or 0, "t")
  local ok, err
  if address.path then
    ok, err = socket:connect(address.path)
  else
    ok, err = socket:connect(address.host, address.port)
  end
  if not ok then
    socket:close()
    return nil, err
  end
  return setmetatable({ socket = socket, deadline = deadline, reused = false }, Connection)
end


function Connection:send(text)
  self.socket:settimeout(self.deadline:left_s() or 0, "t")
  return self.socket:send(text)
end


--- Returns what has come, one byte at least; or nil and why ("closed", "timeout").
function Connection:receive()
  local left_s = self.deadline:left_s()
  if not left_s then
    return nil, "timeout"
  end
  self.socket:settimeout(left_s, "t")
  local first, err = self.socket:receive(1)
  if not first then
    return nil, err
  end
  self.socket:settimeout(0)
  local whole, _, part = self.socket:receive(CHUNK_BYTES)
  return first .. (whole or part or "")
end


--- Ends the exchange: these connections are not kept.
function Connection:release()
  self.socket:close()
end


return { connect = connect }
