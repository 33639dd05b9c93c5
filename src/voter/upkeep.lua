-- What a voter remembers of an election, whoever wrote it. Unlike prelude.lua it judges nothing but the server's role.
-- KEYS: record, lease key.
local RECORD, LEASE = KEYS[1], KEYS[2]
local BALLOT_PREFIX = 'quorate:'

-- 6.2 takes one section a call.
local replication = redis.call('INFO', 'replication')
if string.match(replication, '\nrole:(%a+)') ~= 'master' then
  return {'replica'}
end
local run = string.match(redis.call('INFO', 'server'), '\nrun_id:(%w+)') .. ' '
  .. string.match(replication, '\nmaster_replid:(%w+)')

local fields = redis.call('HMGET', RECORD, 'format', 'electorate', 'voter', 'run', 'standing', 'instance', 'holder',
  'version', 'released', 'term', 'ttl', 'who')
-- Everything that a life of this memory writes, and the server's own life: nothing can happen without changing it.
local is_there, all = false, run
for index = 1, 12 do
  local field = fields[index]
  is_there = is_there or field ~= false
  fields[index] = field or ''
  all = all .. (field and '\n' .. #field .. ':' .. field or '\n-')
end
local stamp = redis.sha1hex(all)

local value = redis.pcall('GET', LEASE)
local key = 'foreign'
if not value then
  key = 'free'
elseif type(value) == 'table' then
  if not string.find(value.err, 'WRONGTYPE', 1, true) then
    error(value.err)
  end
elseif string.sub(value, 1, #BALLOT_PREFIX) == BALLOT_PREFIX then
  key = 'ours'
end
