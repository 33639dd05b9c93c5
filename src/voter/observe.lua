-- observe. ARGV[5]: the proposal for an instance, '' = write nothing where the voter forgot.
local proposal = ARGV[5]
local run = identity(redis.call('INFO', 'server'), 'run_id') .. ' ' .. history
local now = redis.call('TIME')
local time_us = whole(tonumber(now[1]) * 1000000 + tonumber(now[2]))

if forgot then
  if proposal == '' then
    return {'amnesia'}
  end
  -- Whoever held it is forgotten, so every key of ours is stale now.
  holder = ''
  key, left = look_at_lease()
  -- The time keeps a late duplicate of an old proposal from bringing an old instance back.
  standing, instance, version, released = 'joining', proposal .. ' ' .. time_us .. ' ' .. run, 1, '0'
  store('run', run, 'standing', standing, 'instance', instance, 'holder', '', 'version', '1', 'released', '0')
end

-- For people, and dear: only for whoever merely looks.
local eviction_policy = proposal == '' and string.match(redis.call('INFO', 'memory'), '\nmaxmemory_policy:([^\r]*)') or ''

return {'observed', standing, instance, holder, whole(version), released, whole(term), ttl and whole(ttl) or '',
  key, whole(left), time_us, run, electorate or '', eviction_policy,
  redis.call('HGET', RECORD, 'who') or ''}
