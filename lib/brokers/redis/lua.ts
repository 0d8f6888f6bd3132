/**
 * What the scripts of a queue are made of, each of which is one atomic step. All times are those of the server. A script has no
 * more of this than it needs: on a quiet server, to make a function costs as much as a command does. Where messages come back or
 * are handed out, removing comes first: a server whose memory is full lets a script go on that has begun, and consuming must go on.
 *
 * A message waits as a *member*, its place and then its key: `<priority, 2 hex><sequence, 12 hex><key>`. The place alone
 * orders, so a message that comes back goes where it was, and nothing but the member has to be kept of it. The key, which is
 * the message's id, leads to the body. Of a queue `q` there are, as long as they aren't empty:
 *
 * - `q:ready`, a sorted set of members, all of score 0, so in order of their places; `q:delayed`, by when they fall due
 * - `q:bodies`, a hash by key of place and body; `q:seq`, how many messages there were
 * - `q:consumers`, by when they are given up for dead; `q:suspects`, who was to be once; `q:held:<consumer>`, a set of members
 * - `q:expiring`, members by when nobody wants them; `q:overdue`, those of them that expired while they were held
 * - `q:redelivered`, a hash by member of how often it came back; `q:unique`, ids by when their repeats are welcome again
 * - `q:waiters`, consumers without messages, by since when. Each is told on the channel `q:wake:<process>`: of a message that it
 *   holds from then on, where its name has a `+` behind the process's; else that there are some
 */
export const HEAD = `
local call, sub = redis.call, string.sub
local q = KEYS[1]
local READY, DELAYED, BODIES, SEQ = q .. ':ready', q .. ':delayed', q .. ':bodies', q .. ':seq'
local CONSUMERS, SUSPECTS, HELD = q .. ':consumers', q .. ':suspects', q .. ':held:'
local EXPIRING, OVERDUE, REDELIVERED = q .. ':expiring', q .. ':overdue', q .. ':redelivered'
local WAITERS, WAKE = q .. ':waiters', q .. ':wake:'
local PLACE, PROCESS, STEP, LARGE, ODD = 14, 36, 1000, 65536, '[^\\1!-~]'
local clock = call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
`;

/** Lists of words. */
export const WORDS = `
local function split(text)
  local parts, n = {}, 0
  for part in string.gmatch(text, '%S+') do n = n + 1; parts[n] = part end
  return parts
end
`;

/** Words to be looked up. */
export const AMONG = `
local function among(text)
  local is_there = {}
  for part in string.gmatch(text, '%S+') do is_there[part] = true end
  return is_there
end
`;

const READY = `
local function make_ready(members)
  for from = 1, #members, STEP do
    local pairs = {}
    for i = from, math.min(from + STEP - 1, #members) do
      pairs[#pairs + 1] = 0
      pairs[#pairs + 1] = members[i]
    end
    call('ZADD', READY, unpack(pairs))
  end
end
`;

/** What expired goes, what fell due is made ready. */
export const DUE = `${READY}
local function expire()
  local members = call('ZRANGEBYSCORE', EXPIRING, '-inf', now, 'LIMIT', 0, STEP)
  for _, member in ipairs(members) do
    if call('ZREM', READY, member) + call('ZREM', DELAYED, member) == 0 then call('SADD', OVERDUE, member)
    else call('HDEL', BODIES, sub(member, PLACE + 1)); call('HDEL', REDELIVERED, member) end
    call('ZREM', EXPIRING, member)
  end
  return #members < STEP
end

local function mature()
  local members = call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, STEP)
  if #members > 0 then call('ZREM', DELAYED, unpack(members)) end
  make_ready(members)
end
`;

/** Messages for those who wait. */
export const HANDING = `${DUE}
local function tell(waiter, text)
  return call('PUBLISH', WAKE .. sub(waiter, 1, PROCESS), waiter .. text) > 0
end

local function tell_all()
  local waiters = call('ZPOPMIN', WAITERS, STEP)
  for i = 1, #waiters, 2 do tell(waiters[i], '') end
end

-- Whoever does not hear of it, because its process is gone, does not get it; nor is it lost when the user who runs this may
-- tell nobody, which is an error. One that is large, or has an odd name, is to be asked for.
local function hand(waiter, member)
  local body = call('HGET', BODIES, sub(member, PLACE + 1))
  if not body then
    call('ZREM', READY, member)
    return call('ZADD', WAITERS, now, waiter)
  end
  local lease, text = call('ZSCORE', CONSUMERS, waiter), ''
  if sub(waiter, PROCESS + 1, PROCESS + 1) == '+' and #body <= LARGE and lease and tonumber(lease) > now
    and not string.find(member, ODD) then
    text = table.concat({'', member, call('HGET', REDELIVERED, member) or 0, sub(body, PLACE + 1)}, ' ')
  end
  if tell(waiter, text) and text ~= '' then
    call('ZREM', READY, member)
    call('SADD', HELD .. waiter, member)
  end
end

-- One message for each: who gets one asks for more.
local function hand_over()
  local waiter = call('ZPOPMIN', WAITERS)[1]
  if not waiter then return end
  if not expire() then tell(waiter, ''); return tell_all() end
  mature()
  while waiter do
    local member = call('ZRANGE', READY, 0, 0)[1]
    if not member then return call('ZADD', WAITERS, 0, waiter) end
    hand(waiter, member)
    waiter = call('ZPOPMIN', WAITERS)[1]
  end
end
`;

/** Messages that were handed out and are back. */
export const RETURNING = `${HANDING}
local function put_back(members)
  if call('EXISTS', OVERDUE) == 1 then
    local wanted = {}
    for _, member in ipairs(members) do
      if call('SREM', OVERDUE, member) == 0 then wanted[#wanted + 1] = member
      else call('HDEL', BODIES, sub(member, PLACE + 1)); call('HDEL', REDELIVERED, member) end
    end
    members = wanted
  end
  make_ready(members)
end

-- What is among those that it received counts as handed out; all of it where that is not known.
local function give_up(consumer, received)
  local members = call('SMEMBERS', HELD .. consumer)
  call('SREM', SUSPECTS, consumer)
  for _, member in ipairs(members) do
    if not received or received[member] then call('HINCRBY', REDELIVERED, member, 1) end
  end
  put_back(members)
  call('DEL', HELD .. consumer)
  call('ZREM', CONSUMERS, consumer)
  call('ZREM', WAITERS, consumer)
  if #members > 0 then hand_over() end
end
`;

/** Signs of life. */
export const LIFE = `
local function beat(consumer, lease)
  call('SREM', SUSPECTS, consumer)
  if not call('ZSCORE', CONSUMERS, consumer) then return false end
  call('ZADD', CONSUMERS, now + lease, consumer)
  return true
end
`;

/** The end of messages. */
export const SETTLING = `
local function forget(members)
  local keys = {}
  for i, member in ipairs(members) do keys[i] = sub(member, PLACE + 1) end
  call('HDEL', BODIES, unpack(keys))
  if call('EXISTS', EXPIRING) == 1 then call('ZREM', EXPIRING, unpack(members)) end
  if call('EXISTS', REDELIVERED) == 1 then call('HDEL', REDELIVERED, unpack(members)) end
end

local function held_of(consumer, members)
  if #members == 0 then return members end
  local ours = {}
  for i, is_held in ipairs(call('SMISMEMBER', HELD .. consumer, unpack(members))) do
    if is_held == 1 then ours[#ours + 1] = members[i] end
  end
  if #ours > 0 then call('SREM', HELD .. consumer, unpack(ours)) end
  return ours
end
`;
