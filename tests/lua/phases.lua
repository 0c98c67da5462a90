--- Calls vault strategies in nginx's phases, as Kong does, and hands the results to the tests as JSON.

local calls = require "calls"

local PHASES = { "init", "init_worker", "init_worker_timer" }

local from_init


local function planned(folder, phase)
  local file = io.open(folder .. "/" .. phase .. ".json")
  if not file then
    return "[]"
  end
  local text = file:read("*a")
  file:close()
  return text
end


return {
  init = function(folder)
    from_init = calls.results_of(planned(folder, "init"))
  end,

  init_worker = function(folder)
    local results = ngx.shared.results
    results:set("init", from_init)
    results:set("init_worker", calls.results_of(planned(folder, "init_worker")))
    assert(ngx.timer.at(0, function()
      results:set("init_worker_timer", calls.results_of(planned(folder, "init_worker_timer")))
    end))
  end,

  results = function()
    local parts = {}
    for _, phase in ipairs(PHASES) do
      parts[#parts + 1] = ('"%s": %s'):format(phase, ngx.shared.results:get(phase) or "null")
    end
    ngx.say("{", table.concat(parts, ", "), "}")
  end,

  access = function()
    ngx.req.read_body()
    ngx.say(calls.results_of(ngx.req.get_body_data()))
    return ngx.exit(200)
  end,

  timer = function()
    ngx.req.read_body()
    local text, results = ngx.req.get_body_data(), nil
    local done = require("ngx.semaphore").new()
    assert(ngx.timer.at(0, function()
      results = calls.results_of(text)
      done:post()
    end))
    assert(done:wait(60))
    ngx.say(results)
  end,

  keep_calls = function()
    ngx.req.read_body()
    ngx.ctx.calls = ngx.req.get_body_data()
    ngx.say("see the header")
  end,

  header_filter = function()
    ngx.header["X-Result"] = calls.results_of(ngx.ctx.calls)
  end,
}
