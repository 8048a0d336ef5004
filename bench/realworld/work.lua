-- Calls, tables, strings, closures and floating point in one script, with results printed to compare.
local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function sieve(limit)
  local composite, count = {}, 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for j = i * i, limit, i do composite[j] = true end
    end
  end
  return count
end

local function words(count)
  local seen, list, state = {}, {}, 42
  for _ = 1, count do
    state = (state * 1103515245 + 12345) % 2147483648
    local word = string.format("w%x", state % 5003)
    seen[word] = (seen[word] or 0) + 1
  end
  for word, times in pairs(seen) do list[#list + 1] = word .. ":" .. times end
  table.sort(list)
  local text = table.concat(list, " ")
  local matches = 0
  for _ in text:gmatch("w%x*7%x*:%d+") do matches = matches + 1 end
  return #list, #text, matches
end

local Point = {}
Point.__index = Point
function Point.new(x, y) return setmetatable({ x = x, y = y }, Point) end
function Point:step(dx, dy) return Point.new(self.x + dx, self.y + dy) end

local function objects(count)
  local p = Point.new(0, 0)
  for i = 1, count do p = p:step(i % 3 - 1, math.sin(i) * 0.5) end
  return string.format("%d %.9f", p.x, p.y)
end

local function nested(depth)
  local function make(n) return n == 0 and function(x) return x end or function(x) return make(n - 1)(x + n) end end
  return make(depth)(0)
end

print("fib", fib(30))
print("sieve", sieve(1500000))
print("words", words(400000))
print("objects", objects(1500000))
print("nested", nested(150))
