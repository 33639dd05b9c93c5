-- release. ARGV[5..]: ballot, channel of the hint.
local ballot, hint = ARGV[5], ARGV[6]

if forgot then
  return {'amnesia'}
end
-- The prelude told whose key it is; a key of this ballot without its record is deleted there as stale.
if holder == ballot then
  if key == 'holder' then
    redis.call('DEL', LEASE)
  end
  if released == '0' then
    store('released', '1', 'version', whole(version + 1))
    redis.call('PUBLISH', hint, ballot .. ' ' .. whole(version + 1))
  end
end
return {'released'}
