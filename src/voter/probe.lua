-- Tries every command of the five operations so that nothing is written: by reading, by arguments that are refused
-- after the rights were looked at, or on a key and a channel beside ours that are not there.
-- KEYS: record, lease key. ARGV: the channel of the hint. Answers three fields for each command that was refused:
-- the command, 'ours' or 'beside', the error.
local RECORD, LEASE, BESIDE = KEYS[1], KEYS[2], KEYS[2] .. ':check'
local refused = {}

local function try(expected, where, command, ...)
  local reply = redis.pcall(command, ...)
  local err = type(reply) == 'table' and reply.err
  if err and not (expected and string.find(err, expected, 1, true)) then
    refused[#refused + 1] = command
    refused[#refused + 1] = where
    refused[#refused + 1] = err
  end
end

try(nil, 'ours', 'TIME')
try(nil, 'ours', 'INFO', 'replication')
try(nil, 'ours', 'HMGET', RECORD, 'format')
try(nil, 'ours', 'HGET', RECORD, 'who')
try('wrong number of arguments', 'ours', 'HSET', RECORD, 'format', '1', 'odd')
try('WRONGTYPE', 'ours', 'GET', LEASE)
try(nil, 'ours', 'PTTL', LEASE)
try('syntax error', 'ours', 'SET', LEASE, '', 'NX', 'XX')
try('not an integer', 'ours', 'PEXPIRE', LEASE, 'never')
try(nil, 'beside', 'PERSIST', BESIDE)
try(nil, 'beside', 'DEL', BESIDE)
try(nil, 'beside', 'PUBLISH', ARGV[1] .. ':check', '')
return refused
