-- join. ARGV[5..]: instance, term, ttl.
local asked_term, asked_ttl = number_of(ARGV[6], 'the term'), checked_ttl(ARGV[7])

if forgot then
  return {'amnesia'}
end
if standing ~= 'joining' or ARGV[5] ~= instance then
  return {'refused', 'changed'}
end

store('format', FORMAT, 'electorate', OUR_ELECTORATE, 'voter', OUR_VOTER, 'standing', 'member', 'holder', '',
  'released', '1', 'term', whole(math.max(term, asked_term)), 'ttl', asked_ttl, 'version', whole(version + 1))
return {'joined'}
