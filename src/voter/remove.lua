-- remove. ARGV: the stamp of the survey. Only what was surveyed; a foreign lease key stays.
if ARGV[1] ~= stamp then
  return {'changed'}
end
redis.call('DEL', RECORD)
if key == 'ours' then
  redis.call('DEL', LEASE)
end
return {'removed'}
