-- grant. ARGV[5..]: ballot, ttl, 'hint' or 'adopt', the term, the instance, holder, version and released flag seen,
-- '1' if the version stood still for 2·O, who.
local ballot, asked_ttl, adopt, asked_term = ARGV[5], ttl_of(ARGV[6]), ARGV[7] == 'adopt', number_of(ARGV[8], 'the term')
local stood_still, who = ARGV[13] == '1', ARGV[14]

if forgot then
  return {'amnesia'}
end
if standing ~= 'member' and not (adopt and ARGV[9] == instance) then
  return {'refused', 'joining'}
end

if holder == ballot then
  if released == '1' then
    return {'refused', 'released'}
  end
  if adopt then
    term = math.max(term, asked_term)
  end
  version = version + 1
  store('term', whole(term), 'ttl', whole(asked_ttl), 'version', whole(version), 'who', who)
  set_lease(ballot, asked_ttl)
  return {'granted', whole(term), whole(version)}
end

if ARGV[9] ~= instance or ARGV[10] ~= holder or number_of(ARGV[11], 'the version') ~= version or ARGV[12] ~= released then
  return {'refused', 'changed'}
end
if key == 'foreign' then
  return {'refused', 'foreign'}
end
if key == 'holder' and not stood_still then
  return {'refused', 'held'}
end

term = number_of(math.max(asked_term, adopt and term or term + 1), 'the next term')
version = version + 1
if standing ~= 'member' then
  store('format', FORMAT, 'electorate', OUR_ELECTORATE, 'voter', OUR_VOTER, 'standing', 'member')
end
store('holder', ballot, 'released', '0', 'term', whole(term), 'ttl', whole(asked_ttl), 'version', whole(version),
  'who', who)
set_lease(ballot, asked_ttl)
return {'granted', whole(term), whole(version)}
