--- Seconds that only go forward, and what is left of a call's one deadline.

local ok, ffi = pcall(require, "ffi")

local CLOCK_MONOTONIC = 1

local now

if ok and ffi.os == "Linux" then
  -- Names of our own (the library's by __asm__): another module may have declared the library's already.
  pcall(ffi.cdef, [[
    typedef struct { long s; long ns; } kong_vault_py_time;
    int kong_vault_py_clock_gettime(int clock, kong_vault_py_time *time) __asm__("clock_gettime");
  ]])
  local time = ffi.new("kong_vault_py_time")
  now = function()
    ffi.C.kong_vault_py_clock_gettime(CLOCK_MONOTONIC, time)
    return tonumber(time.s) + tonumber(time.ns) / 1e9
  end

elseif ngx and ngx.now then
  now = function()
    ngx.update_time()
    return ngx.now()
  end

else
  now = os.time
end


local Deadline = {}
Deadline.__index = Deadline


--- Seconds that are left; nil where there are none.
function Deadline:left_s()
  local left_s = self.end_s - now()
  return left_s > 0 and left_s or nil
end


--- Milliseconds that are left, at least 1; nil where there are none.
function Deadline:left_ms()
  local left_s = self:left_s()
  return left_s and math.ceil(left_s * 1000)
end


return {
  --- A deadline that many seconds from now.
  deadline = function(timeout_s)
    return setmetatable({ end_s = now() + timeout_s, timeout_s = timeout_s }, Deadline)
  end,
}
