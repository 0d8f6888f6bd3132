/**
 * Arguments: consumer, lease, most, the most bytes, whether it waits when there is nothing. Answers nothing to an unknown consumer;
 * else how many it held, and milliseconds to wait and whether it waited until now, or members, bodies, counts and the length of the
 * first body, of which only the beginning is there where it alone is too large.
 */
export const CLAIM = `
-- Not at first sight: when the server itself stood still, signs of life are about to come.
local function sweep(grace)
  for _, consumer in ipairs(call('ZRANGEBYSCORE', CONSUMERS, '-inf', now, 'LIMIT', 0, 10)) do
    if call('SADD', SUSPECTS, consumer) == 0 then give_up(consumer)
    else
      call('ZADD', CONSUMERS, now + grace, consumer)
      if call('ZREM', WAITERS, consumer) == 1 then tell(consumer, '') end
    end
  end
end

local consumer, lease, most, bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local waited = call('ZREM', WAITERS, consumer)
if not beat(consumer, lease) then return false end
sweep(math.min(lease / 3, 1000))
local held = call('SCARD', HELD .. consumer)
-- Nothing is handed out before all that expired is gone.
if not expire() then return {held, 0, waited} end
mature()
local members, bodies, size, step = {}, {}, 0, bytes < 1000000 and 1 or 4
-- Large bodies in large numbers would hold up everybody else: how many fit is guessed by those before, and the others go back.
while #members < most and size < bytes do
  local popped, keys, others = call('ZPOPMIN', READY, math.min(step, most - #members)), {}, {}
  if #popped == 0 then break end
  for i = 1, #popped, 2 do keys[#keys + 1] = sub(popped[i], PLACE + 1) end
  for i, body in ipairs(call('HMGET', BODIES, unpack(keys))) do
    local member = popped[2 * i - 1]
    if body and #members > 0 and size + #body > bytes then
      others[#others + 1] = member
      size = bytes
    elseif body then
      members[#members + 1] = member
      bodies[#members] = body
      size = size + #body
    end
  end
  make_ready(others)
  step = math.max(1, math.min(100, math.floor((bytes - size) * #members / (size + 1))))
end
if #members == 0 then
  if ARGV[5] == '1' then call('ZADD', WAITERS, now, consumer) end
  local due, death = call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES'), call('ZRANGE', CONSUMERS, 0, 0, 'WITHSCORES')
  return {held, math.max(1, math.ceil(math.min(due[2] or 1e15, death[2] or 1e15) - now)), waited}
end
call('SADD', HELD .. consumer, unpack(members))
local counts = call('EXISTS', REDELIVERED) == 1 and call('HMGET', REDELIVERED, unpack(members))
local length = #bodies[1] - PLACE
bodies[1] = sub(bodies[1], 1, bytes)
return {held, table.concat(members, ' '), bodies, counts, length}`;

/** Arguments: consumer, member, how much of its body is there, the most bytes. The next part; nothing where it is not the consumer's. */
export const PART = `
if call('SISMEMBER', HELD .. ARGV[1], ARGV[2]) == 0 then return false end
local from = PLACE + tonumber(ARGV[3])
return sub(call('HGET', BODIES, sub(ARGV[2], PLACE + 1)) or '', from + 1, from + tonumber(ARGV[4]))`;

/** Arguments: consumer. What another program gave names that can't stand in a list of words waits again, under others. */
export const RENAME = `
for _, member in ipairs(call('SMEMBERS', HELD .. ARGV[1])) do
  if string.find(member, ODD) then
    local key, place = sub(member, PLACE + 1), string.gsub(sub(member, 1, PLACE), ODD, '0')
    local name = 'foreign-' .. redis.sha1hex(member)
    call('HSET', BODIES, name, call('HGET', BODIES, key) or '')
    call('HDEL', BODIES, key)
    call('SREM', HELD .. ARGV[1], member)
    call('ZADD', READY, 0, place .. name)
  end
end`;
