"""The Lua scripts that count in Redis, each all or nothing.

A key is a hash: a field per window size in seconds, with "index current previous" (see ``windows``). There is one
declared key per call, so the scripts run in a Redis Cluster too. The time is Redis' own, unless ``ARGV[1]`` gives one:
gateways whose clocks differ still count in the same windows.
"""

from __future__ import annotations

__all__ = ["COUNT", "MERGE"]

_COMMON = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function standing(size)
  local number = tonumber(size)
  local index = math.floor(now / number)
  local stored = redis.call('HGET', KEYS[1], size)
  if not stored then return {index, 0, 0} end
  local i, c, p = string.match(stored, '^(%-?%d+) (%d+) (%d+)$')
  if not i then return {index, 0, 0} end
  i, c, p = tonumber(i), tonumber(c), tonumber(p)
  if i < index - 1 then return {index, 0, 0} end
  if i == index - 1 then return {index, 0, c} end
  return {i, c, p}
end

local function packed(count)
  return string.format('%d %d %d', count[1], count[2], count[3])
end

local function keep(longest)
  local kept_ms = math.ceil(2 * longest * 1000)
  if redis.call('PTTL', KEYS[1]) < kept_ms then redis.call('PEXPIRE', KEYS[1], kept_ms) end
end
"""

#: Decides about a request and counts it. ARGV: time, "1" for sliding windows, "1" to count denied requests too, then
#: per limit the window's size and the requests. Returns time, 1 or 0 for allowed, then per limit its field.
COUNT = (
    _COMMON
    + """
local sliding, counts_denied = ARGV[2] == '1', ARGV[3] == '1'
local counts, allowed, longest = {}, 1, 0
for at = 4, #ARGV, 2 do
  local size, limit = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local count = standing(ARGV[at])
  local weighed = count[2]
  if sliding then
    local left = 1 - (now - count[1] * size) / size
    weighed = weighed + count[3] * math.min(1, math.max(0, left))
  end
  if weighed + 1 > limit + 0.000001 then allowed = 0 end
  longest = math.max(longest, size)
  counts[#counts + 1] = count
end
local answer = {string.format('%.6f', now), allowed}
local counted = allowed == 1 or counts_denied
for number, count in ipairs(counts) do
  if counted then
    count[2] = count[2] + 1
    redis.call('HSET', KEYS[1], ARGV[2 + 2 * number], packed(count))
  end
  answer[#answer + 1] = packed(count)
end
if counted then keep(longest) end
return answer
"""
)

#: Adds what a gateway counted on its own. ARGV: time, then per window its size, its index and the requests. Returns
#: time, then the field of each.
MERGE = (
    _COMMON
    + """
local answer, longest = {string.format('%.6f', now)}, 0
for at = 2, #ARGV, 3 do
  local index, requests = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local count = standing(ARGV[at])
  if index >= count[1] then
    count[2] = count[2] + requests
  elseif index == count[1] - 1 then
    count[3] = count[3] + requests
  end
  if requests > 0 then
    redis.call('HSET', KEYS[1], ARGV[at], packed(count))
    longest = math.max(longest, tonumber(ARGV[at]))
  end
  answer[#answer + 1] = packed(count)
end
if longest > 0 then keep(longest) end
return answer
"""
)
