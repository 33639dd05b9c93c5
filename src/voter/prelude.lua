-- What every operation begins with (docs/safety.md tells why; protocol section 3).
-- INFO, set by the line before: what the server tells of itself. KEYS: record, lease key. ARGV: electorate, voter,
-- instance and version of the high-water mark ('' = none), then the operation's own. Answers are flat arrays of strings,
-- the first one the kind.
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

-- A number from the record or from the caller: a whole one below 2^53, or an error that changes nothing.
local function number_of(text, what)
  local number = tonumber(text)
  if not number or number < 0 or number >= NUMBER_LIMIT or number % 1 ~= 0 then
    error('quorate: ' .. what .. ' is no whole number below 2^53')
  end
  return number
end

local function ttl_of(text)
  local ttl = number_of(text, 'the ttl')
  if ttl < SHORTEST_TTL or ttl > LONGEST_TTL then
    error('quorate: the ttl is not between 1 s and 10 min')
  end
  return ttl
end

-- A fact of `INFO`, and where it ends, from `start` on. Plain searches: a pattern would try every byte of the page, and
-- took a third of every script's time.
local function fact(page, name, start)
  local _, colon = string.find(page, '\n' .. name .. ':', start, true)
  if not colon then
    error('quorate: INFO tells no ' .. name)
  end
  local stop = string.find(page, '\r', colon, true)
  return string.sub(page, colon + 1, stop - 1), stop
end

-- 1. Not a primary: write nothing. `server` comes before `replication`, as in every version.
local process, past_process = fact(INFO, 'run_id', 1)
local role, past_role = fact(INFO, 'role', past_process)
if role ~= 'master' then
  return {'replica'}
end
local run = process .. ' ' .. fact(INFO, 'master_replid', past_role)

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
local forgot = fields[4] ~= run or not (standing and instance and holder and version and released)
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
    redis.call('SET', LEASE, ballot, 'PX', whole(lease_ttl))
  end
end
