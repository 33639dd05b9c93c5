-- confirm. ARGV[5..]: ballot, term, ttl. Raises, verifies and renews in one; an acknowledgement always renewed.
local ballot, asked_term, asked_ttl = ARGV[5], number_of(ARGV[6], 'the term'), checked_ttl(ARGV[7])

if forgot then
  return {'amnesia'}
end
if standing ~= 'member' or holder ~= ballot or released ~= '0' then
  return {'lost'}
end

local raised = asked_term >= term and ARGV[6] or whole(term)
store('term', raised, 'ttl', asked_ttl, 'version', whole(version + 1))
set_lease(ballot, asked_ttl)
return {'confirmed', raised}
