import { latency as measured } from '../support/latency.mjs';
import { body, connection, freshName, swept, withServer } from '../support/redis.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** The least that a queue does which loses nothing: bodies in a hash, ids in a list, and by whom until when they are held. */
const ADD = `
local last = redis.call('INCRBY', KEYS[1] .. ':seq', #ARGV)
local ids, bodies = {}, {}
for i, body in ipairs(ARGV) do
  local id = last - #ARGV + i
  ids[i] = id
  bodies[2 * i - 1] = id
  bodies[2 * i] = body
end
redis.call('HSET', KEYS[1] .. ':bodies', unpack(bodies))
redis.call('RPUSH', KEYS[1], unpack(ids))`;
const CLAIM = `
local ids = redis.call('LPOP', KEYS[1], ARGV[1])
if not ids then return {{}, {}} end
local until_ = redis.call('TIME')[1] + 30
local held = {}
for i, id in ipairs(ids) do
  held[2 * i - 1] = until_
  held[2 * i] = id
end
redis.call('ZADD', KEYS[1] .. ':held', unpack(held))
return {ids, redis.call('HMGET', KEYS[1] .. ':bodies', unpack(ids))}`;
const ACK = `
redis.call('ZREM', KEYS[1] .. ':held', unpack(ARGV))
return redis.call('HDEL', KEYS[1] .. ':bodies', unpack(ARGV))`;

const WAYS = { consume, publish, latency };

export async function measure({ way, ...settings }) {
  await swept();
  const client = connection();
  for (const [name, lua] of Object.entries({ add: ADD, claim: CLAIM, ack: ACK }))
    client.defineCommand(name, { lua, numberOfKeys: 1 });
  return WAYS[way](client, settings);
}

async function fill(client, key, count) {
  for (let n = 0; n < count; n += 500) await client.add(key, ...Array.from({ length: 500 }, (_, i) => body(n + i)));
}

function consume(client, { tasks }) {
  const key = freshName();
  const drained = async (count) => {
    await fill(client, key, count);
    return withServer(count, () =>
      timed(count, async () => {
        for (let taken = 0; taken < count;) {
          const [ids] = await client.claimBuffer(key, 100);
          taken += ids.length;
          await client.ack(key, ...ids.map(String));
        }
      }),
    );
  };
  return warmed(() => drained(Math.ceil(tasks / 2000) * 500), () => drained(tasks)); // prettier-ignore
}

function publish(client, { tasks }) {
  const key = freshName();
  const added = (count) => withServer(count, () => timed(count, () => fill(client, key, count)));
  return warmed(() => added(Math.ceil(tasks / 2000) * 500), () => added(tasks)); // prettier-ignore
}

/** A stream with one group: its reader is blocked on a connection of its own. */
function latency(client, pace) {
  return measured(pace, async (started) => {
    const key = freshName();
    await client.xgroup('CREATE', key, 'group', '$', 'MKSTREAM');
    const reader = connection();
    let ended = false;
    const read = async () => {
      while (!ended) {
        const found = await reader.xreadgroup('GROUP', 'group', 'me', 'COUNT', 100, 'BLOCK', 5000, 'STREAMS', key, '>');
        for (const [id, [, sent]] of found?.[0][1] ?? []) {
          started(Number(sent));
          void client.xack(key, 'group', id);
        }
      }
    };
    void read();
    return { send: (sent) => client.xadd(key, '*', 'sent', sent), close: () => void (ended = true) };
  });
}
