-- survey. Changes nothing.
local now = redis.call('TIME')
local answer = {'surveyed', stamp, is_there and '1' or '0', run,
  string.format('%.0f', tonumber(now[1]) * 1000000 + tonumber(now[2])), key}
for index = 1, 12 do
  answer[#answer + 1] = fields[index]
end
return answer
