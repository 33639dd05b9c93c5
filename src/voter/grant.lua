-- grant. ARGV[5..]: ballot, ttl, 'hint' or 'adopt', the term, the instance, holder, version and released flag seen,
-- '1' if the version stood still for 2·O, who.
local ballot, asked_ttl, adopt, asked_term = ARGV[5], checked_ttl(ARGV[6]), ARGV[7] == 'adopt', number_of(ARGV[8], 'the term')
local stood_still, who = ARGV[13] == '1', ARGV[14]

-- The ballot has this voter from here on.
local function taken(with_term, ...)
  local term_text, version_text = whole(with_term), whole(version + 1)
  store('holder', ballot, 'released', '0', 'term', term_text, 'ttl', asked_ttl, 'version', version_text, 'who', who,
    ...)
  set_lease(ballot, asked_ttl)
  return {'granted', term_text, version_text}
end

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
  return taken(term)
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

term = math.max(asked_term, adopt and term or term + 1)
if term >= NUMBER_LIMIT then
  error('quorate: the next term is no whole number below 2^53')
end
if standing ~= 'member' then
  return taken(term, 'format', FORMAT, 'electorate', OUR_ELECTORATE, 'voter', OUR_VOTER, 'standing', 'member')
end
return taken(term)
