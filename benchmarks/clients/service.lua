-- Sends the same form again and again, each time with another title, and counts what was promised.
-- Arguments: the file with the form, without its title.

local workers = {}

function setup(thread)
  table.insert(workers, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1]))
  form = file:read("*a")
  file:close()
  number, promised, refused, example = 0, 0, 0, ""
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
  number = number + 1
  return wrk.format(nil, nil, nil, form .. "&title=order+" .. number)
end

function response(status, headers, body)
  if status == 200 and body:find('"code":200', 1, true) then
    promised = promised + 1
  else
    refused = refused + 1
    example = status .. " " .. body
  end
end

function done(summary, latency, requests)
  local promised, refused, example = 0, 0, ""
  for _, worker in ipairs(workers) do
    promised = promised + worker:get("promised")
    refused = refused + worker:get("refused")
    example = worker:get("example")
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"promised": %d, "refused": %d, "failed": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f}\n',
    promised, refused, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
  if refused > 0 then
    io.stderr:write(example .. "\n")
  end
end
