-- One answer of a fresh run from a fresh address, as a phone's form sends it through the shop's proxy.
local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["Accept-Language"] = "zh-CN,zh;q=0.9" }

function init()
  local source = io.open("/dev/urandom", "rb")
  local a, b, c, d = source:read(4):byte(1, 4)
  source:close()
  math.randomseed(((a * 256 + b) * 256 + c) * 256 + d)
end

function request()
  local run = {}
  for place = 1, 22 do
    local at = math.random(#letters)
    run[place] = letters:sub(at, at)
  end
  headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.random(0, 255), math.random(0, 255), math.random(1, 254))
  return wrk.format("POST", "/s/satisfaction", headers, "submission_id=" .. table.concat(run) .. "&question=product&answer=5")
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
