const TIME = `
local call, key = redis.call, KEYS[1]
local clock = call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
`;

/** A key of the filter is a hash of \`owner\`, and once it was executed \`done\` and maybe \`value\`; it expires by itself. */
const CLAIM = `
local call, key, owner = redis.call, KEYS[1], ARGV[1]
local held = call('HMGET', key, 'owner', 'done', 'value')
if held[2] then return {held[1] == owner and 1 or 0, held[3]} end
if held[1] and held[1] ~= owner then return 0 end
call('HSET', key, 'owner', owner)
call('PEXPIRE', key, ARGV[2])
return 1`;

/** Arguments: owner, time to live or nothing, value or nothing, 1 where there is a value. */
const CONFIRM = `
local call, key, owner = redis.call, KEYS[1], ARGV[1]
local holder = call('HGET', key, 'owner')
if holder and holder ~= owner then return 0 end
call('HSET', key, 'owner', owner, 'done', 1)
if ARGV[4] == '1' then call('HSET', key, 'value', ARGV[3]) else call('HDEL', key, 'value') end
if ARGV[2] == '' then call('PERSIST', key) else call('PEXPIRE', key, ARGV[2]) end
return 1`;

const RELEASE = `
local held = redis.call('HMGET', KEYS[1], 'owner', 'done')
if held[1] == ARGV[1] and not held[2] then redis.call('DEL', KEYS[1]) end`;

/**
 * Arguments: interval, burst, permits. What is kept is the time of the next start after all that are reserved, as long as that
 * lies ahead.
 */
const RESERVE = `${TIME}
local interval = tonumber(ARGV[1])
local start = math.max(now, tonumber(call('GET', key) or 0))
local next = start + interval * ARGV[3]
if next > now then call('SET', key, string.format('%.17g', next), 'PX', math.ceil(next - now)) end
return string.format('%.17g', start - now - (ARGV[2] - 1) * interval)`;

/** Arguments: id, report, time to live. */
const REPORT = `${TIME}
local ended = call('ZRANGEBYSCORE', key .. ':until', '-inf', now)
if #ended > 0 then
  call('ZREM', key .. ':until', unpack(ended))
  call('HDEL', key .. ':reports', unpack(ended))
end
call('ZADD', key .. ':until', now + tonumber(ARGV[3]), ARGV[1])
call('HSET', key .. ':reports', ARGV[1], ARGV[2])`;

const WITHDRAW = `
redis.call('ZREM', KEYS[1] .. ':until', ARGV[1])
redis.call('HDEL', KEYS[1] .. ':reports', ARGV[1])`;

const LIST = `${TIME}
local ids = call('ZRANGEBYSCORE', key .. ':until', '(' .. string.format('%.17g', now), '+inf')
if #ids == 0 then return ids end
return call('HMGET', key .. ':reports', unpack(ids))`;

/** Each one atomic step on one key, or on two of one name; all times are those of the server. */
export const COORDINATION_SCRIPTS = {
  funqFilterClaim: CLAIM,
  funqFilterConfirm: CONFIRM,
  funqFilterRelease: RELEASE,
  funqReserve: RESERVE,
  funqReport: REPORT,
  funqWithdraw: WITHDRAW,
  funqList: LIST,
} as const;
