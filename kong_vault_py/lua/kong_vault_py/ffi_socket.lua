--- Blocking connections of the C library, for where nginx has no cosockets and no library may be counted on.

local ffi = require "ffi"
local bit = require "bit"

-- Linux, on the processors that Kong is built for.
assert(ffi.os == "Linux" and (ffi.arch == "x64" or ffi.arch == "arm64"), "unknown constants")

local AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
local SOCK_STREAM, SOCK_CLOEXEC = 1, 0x80000
local SOL_SOCKET, SO_RCVTIMEO, SO_SNDTIMEO = 1, 20, 21
local MSG_NOSIGNAL = 0x4000
local EINTR, EAGAIN, EINPROGRESS = 4, 11, 115
local PATH_BYTES = 108
local CHUNK_BYTES = 65536

-- Names of our own (the library's by __asm__): another module may have declared the library's already.
pcall(ffi.cdef, [[
  typedef struct { uint16_t family; char path[108]; } kong_vault_py_unix;
  typedef struct { uint16_t family; uint8_t port[2]; uint8_t address[4]; uint8_t zero[8]; } kong_vault_py_inet;
  typedef struct { uint16_t family; uint8_t port[2]; uint32_t flow; uint8_t address[16]; uint32_t scope; }
    kong_vault_py_inet6;
  typedef struct { long s; long us; } kong_vault_py_timeval;
  int kong_vault_py_socket(int family, int type, int protocol) __asm__("socket");
  int kong_vault_py_connect(int fd, const void *address, uint32_t length) __asm__("connect");
  int kong_vault_py_setsockopt(int fd, int level, int name, const void *value, uint32_t length) __asm__("setsockopt");
  ssize_t kong_vault_py_send(int fd, const void *from, size_t length, int flags) __asm__("send");
  ssize_t kong_vault_py_recv(int fd, void *to, size_t length, int flags) __asm__("recv");
  int kong_vault_py_close(int fd) __asm__("close");
  char *kong_vault_py_strerror(int number) __asm__("strerror");
]])
local C = ffi.C

local Connection = {}
Connection.__index = Connection


local function reason()
  local number = ffi.errno()
  if number == EAGAIN or number == EINPROGRESS then
    return "timeout"
  end
  return ffi.string(C.kong_vault_py_strerror(number))
end


--- Lets the next call on the socket block for what is left of the deadline; false where nothing is.
local function bound(fd, deadline)
  local left_s = deadline:left_s()
  if not left_s then
    return false
  end
  local whole_s = math.floor(left_s)
  -- Zero would mean: without end.
  local rest_us = math.max(math.floor((left_s - whole_s) * 1e6), 1)
  local value = ffi.new("kong_vault_py_timeval", whole_s, rest_us)
  for _, name in ipairs { SO_RCVTIMEO, SO_SNDTIMEO } do
    if C.kong_vault_py_setsockopt(fd, SOL_SOCKET, name, value, ffi.sizeof(value)) ~= 0 then
      return false
    end
  end
  return true
end


--- Repeats a call that a signal interrupted.
-- @param call returns a number, negative for an error
-- @return the number, or nil and why
local function repeated(fd, deadline, call)
  while true do
    if not bound(fd, deadline) then
      return nil, "timeout"
    end
    local result = tonumber(call())
    if result >= 0 then
      return result
    end
    if ffi.errno() ~= EINTR then
      return nil, reason()
    end
  end
end


local function port_bytes(port)
  return { bit.rshift(port, 8), bit.band(port, 0xff) }
end


--- Returns an address of the C library and its family, or nil, nil and why not.
local function translated(address)
  local path, host = address.path, address.host
  if path then
    if #path >= PATH_BYTES then
      return nil, nil, "the path is longer than " .. PATH_BYTES - 1 .. " bytes"
    end
    return ffi.new("kong_vault_py_unix", AF_UNIX, path), AF_UNIX
  end
  local port = port_bytes(address.port)
  if host == "::1" then
    local loopback = ffi.new("uint8_t[16]", { [15] = 1 })
    local made = ffi.new("kong_vault_py_inet6")
    made.family, made.port = AF_INET6, port
    ffi.copy(made.address, loopback, 16)
    return made, AF_INET6
  end
  local a, b, c, d = (host == "localhost" and "127.0.0.1" or host):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a then
    return nil, nil, "no address of the loopback interface"
  end
  return ffi.new("kong_vault_py_inet", AF_INET, port, { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }), AF_INET
end


--- Connects; see cosocket.lua.
local function connect(address, deadline)
  local translation, family, err = translated(address)
  if not translation then
    return nil, err
  end
  local fd = C.kong_vault_py_socket(family, bit.bor(SOCK_STREAM, SOCK_CLOEXEC), 0)
  if fd < 0 then
    return nil, reason()
  end
  local ok
  ok, err = repeated(fd, deadline, function()
    return C.kong_vault_py_connect(fd, translation, ffi.sizeof(translation))
  end)
  if not ok then
    C.kong_vault_py_close(fd)
    return nil, err
  end
  return setmetatable({ fd = fd, deadline = deadline, reused = false }, Connection)
end


function Connection:send(text)
  local sent = 0
  while sent < #text do
    local rest = sent == 0 and text or text:sub(sent + 1)
    local count, err = repeated(self.fd, self.deadline, function()
      return C.kong_vault_py_send(self.fd, rest, #rest, MSG_NOSIGNAL)
    end)
    if not count then
      return nil, err
    end
    sent = sent + count
  end
  return sent
end


--- Returns what has come, one byte at least; or nil and why ("closed", "timeout").
function Connection:receive()
  self.buffer = self.buffer or ffi.new("char[?]", CHUNK_BYTES)
  local count, err = repeated(self.fd, self.deadline, function()
    return C.kong_vault_py_recv(self.fd, self.buffer, CHUNK_BYTES, 0)
  end)
  if not count then
    return nil, err
  end
  if count == 0 then
    return nil, "closed"
  end
  return ffi.string(self.buffer, count)
end


--- Ends the exchange: these connections are not kept.
function Connection:release()
  C.kong_vault_py_close(self.fd)
end


return { connect = connect }
