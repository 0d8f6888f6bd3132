import { CLAIM, PART, RENAME } from './claim-lua.js';
import { AMONG, DUE, HANDING, HEAD, LIFE, RETURNING, SETTLING, WORDS } from './lua.js';

/** Arguments: ids, lengths of bodies, `index priority delay ttl unique` of those that are no plain ones, all bodies. */
const PUBLISH = `
local ids, bodies, special = split(ARGV[1]), ARGV[4], {}
local extras = split(ARGV[3])
for i = 1, #extras, 5 do special[tonumber(extras[i])] = i end
local UNIQUE = q .. ':unique'
local known = call('HMGET', BODIES, unpack(ids))
local seq = call('INCRBY', SEQ, #ids) - #ids
if #extras > 0 then call('ZREMRANGEBYSCORE', UNIQUE, '-inf', now) end
local stored, ready, repeated, seen, at, i, soonest = {}, {}, {}, {}, 1, 0, nil

-- The same message that waits already: somebody did not hear that it had been stored.
local function is_resent(id, body)
  local other = seen[id] or known[i]
  if not other or sub(other, PLACE + 1) ~= body then return false end
  local member = sub(other, 1, PLACE) .. id
  return seen[id] or call('ZSCORE', READY, member) or call('ZSCORE', DELAYED, member)
end

for length in string.gmatch(ARGV[2], '%d+') do
  i = i + 1
  local id, body, n = ids[i], sub(bodies, at, at + length - 1), special[i]
  at = at + length
  local priority, delay, ttl, unique = 0, 0, nil, nil
  if n then
    priority, delay = tonumber(extras[n + 1]), tonumber(extras[n + 2])
    ttl, unique = tonumber(extras[n + 3]), tonumber(extras[n + 4])
  end
  if unique and call('ZADD', UNIQUE, 'NX', now + unique, id) == 0 then
    repeated[#repeated + 1] = i
  elseif unique or not is_resent(id, body) then
    local place = string.format('%02x%012x', 255 - priority, seq + i)
    local key = id
    if seen[id] or known[i] then key = id .. '\\1' .. place else seen[id] = place .. body end
    stored[#stored + 1] = key
    stored[#stored + 1] = place .. body
    local member = place .. key
    if ttl then call('ZADD', EXPIRING, now + ttl, member) end
    if delay > 0 then
      call('ZADD', DELAYED, now + delay, member)
      soonest = math.min(soonest or 1e15, now + delay)
    else
      ready[#ready + 1] = member
    end
  end
end
if #stored > 0 then
  call('HSET', BODIES, unpack(stored))
  make_ready(ready)
  hand_over()
  -- Those who wait know until when, and this may be sooner.
  if soonest and soonest <= tonumber(call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2] or soonest) then tell_all() end
end
return repeated`;

/** Arguments: consumer, members. True when they were the consumer's; one that it settled before counts so. */
const ACK = `
if not call('ZSCORE', CONSUMERS, ARGV[1]) then return 0 end
local ours = held_of(ARGV[1], split(ARGV[2]))
if #ours > 0 then
  forget(ours)
  if call('EXISTS', OVERDUE) == 1 then call('SREM', OVERDUE, unpack(ours)) end
end
return 1`;

/** Arguments and answer as those of `ack`. */
const RELEASE = `
if not call('ZSCORE', CONSUMERS, ARGV[1]) then return 0 end
local ours = held_of(ARGV[1], split(ARGV[2]))
if #ours > 0 then
  put_back(ours)
  hand_over()
end
return 1`;

/** Arguments: consumer, lease. A new consumer. */
const JOIN = `
call('SREM', SUSPECTS, ARGV[1])
call('ZADD', CONSUMERS, now + tonumber(ARGV[2]), ARGV[1])`;

/** Arguments: consumer, lease. 0 when the consumer is unknown. */
const BEAT = `return beat(ARGV[1], tonumber(ARGV[2])) and 1 or 0`;

/**
 * Arguments: consumer, its new name, lease, members that it knows of. For one that can't tell what it was handed: the rest
 * waits again, and what it asked for under its old name is refused, however late it comes. 0 when the consumer is unknown; one
 * that moved before, and did not hear of it, is known by its new name.
 */
const MOVE = `
if not beat(ARGV[1], 0) then return beat(ARGV[2], tonumber(ARGV[3])) and 1 or 0 end
local known, unknown = among(ARGV[4]), {}
for _, member in ipairs(call('SMEMBERS', HELD .. ARGV[1])) do
  if known[member] then call('SMOVE', HELD .. ARGV[1], HELD .. ARGV[2], member)
  else unknown[#unknown + 1] = member end
end
put_back(unknown)
call('DEL', HELD .. ARGV[1])
call('ZREM', CONSUMERS, ARGV[1])
call('ZREM', WAITERS, ARGV[1])
call('ZADD', CONSUMERS, now + tonumber(ARGV[3]), ARGV[2])
if #unknown > 0 then hand_over() end
return 1`;

/** Arguments: consumer, those of its members that somebody received. What it holds waits again. */
const LEAVE = `give_up(ARGV[1], among(ARGV[2]))`;

/** Nothing before all that expired is gone: some of it goes each time. */
const COUNT = `
if not expire() then return false end
mature()
return call('ZCARD', READY) + call('ZCOUNT', DELAYED, '-inf', now)`;

/** Removes some of what is not handed out and answers how many; 0 when nothing was left. */
const PURGE = `
local removed = {}
for _, key in ipairs({READY, DELAYED}) do
  local popped = call('ZPOPMIN', key, STEP)
  for i = 1, #popped, 2 do removed[#removed + 1] = popped[i] end
end
if #removed > 0 then forget(removed) end
return #removed`;

/** By the name that a client knows them by; each takes the name of its queue as its only key. */
export const QUEUE_SCRIPTS = {
  funqPublish: HEAD + WORDS + HANDING + PUBLISH,
  funqClaim: HEAD + RETURNING + LIFE + CLAIM,
  funqPart: HEAD + PART,
  funqRename: HEAD + RENAME,
  funqAck: HEAD + WORDS + SETTLING + ACK,
  funqRelease: HEAD + WORDS + RETURNING + SETTLING + RELEASE,
  funqJoin: HEAD + JOIN,
  funqBeat: HEAD + LIFE + BEAT,
  funqMove: HEAD + AMONG + RETURNING + LIFE + MOVE,
  funqLeave: HEAD + AMONG + RETURNING + LEAVE,
  funqCount: HEAD + DUE + COUNT,
  funqPurge: HEAD + SETTLING + PURGE,
} as const;
