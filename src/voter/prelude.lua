-- What every operation begins with (docs/safety.md tells why; protocol section 3). It runs on every renewal of every
-- election: what it does not do is worth more than how it does it (docs/benchmarks.md).
-- KEYS: record, lease key. ARGV: electorate, voter, instance and version of the high-water mark ('' = none), then the
-- operation's own. Answers are flat arrays of strings, the first one the kind.
local RECORD, LEASE = KEYS[1], KEYS[2]
local OUR_ELECTORATE, OUR_VOTER = ARGV[1], ARGV[2]
local SEEN_INSTANCE, SEEN_VERSION = ARGV[3], ARGV[4]
local FORMAT = '1'
local BALLOT_PREFIX = 'quorate:'
local SHORTEST_TTL, LONGEST_TTL = 1000, 600000
local NUMBER_LIMIT = 9007199254740992

-- Lua would write 1.7e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- A number from the caller: a whole one below 2^53, as we write it, or an error that changes nothing. Its text may be
-- stored as it is.
local function number_of(text, what)
  local number = (text == '0' or string.find(text, '^[1-9]%d*$')) and tonumber(text)
  if not number or number >= NUMBER_LIMIT then
    error('quorate: ' .. what .. ' is no whole number below 2^53')
  end
  return number
end

local function checked_ttl(text)
  local ttl = number_of(text, 'the ttl')
  if ttl < SHORTEST_TTL or ttl > LONGEST_TTL then
    error('quorate: the ttl is not between 1 s and 10 min')
  end
  return text
end

-- An identity of 40 digits that a page of `INFO` tells.
local function identity(page, name)
  local _, before = string.find(page, '\n' .. name .. ':', 1, true)
  if not before then
    error('quorate: INFO tells no ' .. name)
  end
  return string.sub(page, before + 1, before + 40)
end

-- 1. Not a primary: write nothing.
local REPLICATION = redis.call('INFO', 'replication')
if not string.find(REPLICATION, '\nrole:master\r', 1, true) then
  return {'replica'}
end
-- Of a primary it changes at every start and at every promotion, so that nothing else has to be asked for.
local history = identity(REPLICATION, 'master_replid')

local fields = redis.call('HMGET', RECORD, 'format', 'electorate', 'voter', 'run', 'standing', 'instance', 'holder',
  'version', 'released', 'term', 'ttl')
local format, electorate, voter = fields[1], fields[2], fields[3]
local standing, instance, holder = fields[5], fields[6], fields[7]

-- 2. Somebody else's record.
if (format and format ~= FORMAT) or (electorate and electorate ~= OUR_ELECTORATE) or (voter and voter ~= OUR_VOTER) then
  return {'mismatch', format or '', electorate or '', voter or ''}
end

-- 3. Amnesia. A record that lacks a field the protocol always writes is no memory either.
local version = tonumber(fields[8])
local released = fields[9]
local forgot = string.sub(fields[4] or '', -40) ~= history or not (standing and instance and holder and version and released)
  or (SEEN_INSTANCE == instance and version < number_of(SEEN_VERSION, 'the version'))
local term = tonumber(fields[10]) or 0
local ttl = tonumber(fields[11])

-- The record is a memory: whatever gave it a ttl was not us.
local function store(...)
  redis.call('HSET', RECORD, ...)
  redis.call('PERSIST', RECORD)
end

-- 4. The lease key: 'free', 'holder' or 'foreign', and what is left of its ttl in ms (-1: it has none).
local function look_at_lease()
  local value = redis.pcall('GET', LEASE)
  if not value then
    return 'free', -2
  end
  if type(value) == 'table' then
    if not string.find(value.err, 'WRONGTYPE', 1, true) then
      error(value.err)
    end
    return 'foreign', redis.call('PTTL', LEASE)
  end
  if holder and holder ~= '' and value == holder then
    local left = redis.call('PTTL', LEASE)
    local limit = ttl or LONGEST_TTL
    if left < 0 or left > limit then
      redis.call('PEXPIRE', LEASE, whole(limit))
      left = limit
    end
    return 'holder', left
  end
  if string.sub(value, 1, #BALLOT_PREFIX) == BALLOT_PREFIX then
    redis.call('DEL', LEASE)
    return 'free', -2
  end
  return 'foreign', redis.call('PTTL', LEASE)
end

local key, left
if not forgot then
  key, left = look_at_lease()
end

-- Sets the lease anew, unless somebody else's key is in its place.
local function set_lease(ballot, lease_ttl)
  if key ~= 'foreign' then
    redis.call('SET', LEASE, ballot, 'PX', lease_ttl)
  end
end
