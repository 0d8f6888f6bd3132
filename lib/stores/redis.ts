import { checkedNamespace } from '../brokers/redis/keys.js';
import type { RedisConnectionOptions } from '../brokers/redis/options.js';
import { RedisSession } from '../brokers/redis/session.js';
import type { CoordinationStore, FilterClaim, WorkerReport } from '../contracts/stores.js';
import { COORDINATION_SCRIPTS } from './redis/coordination.js';

export interface RedisCoordinationOptions extends RedisConnectionOptions {}

/**
 * What processes agree on, on a Redis server from version 6.2, also Valkey, or a Redis Cluster; over one connection. Times are
 * those of the server. The broker's server will do, also with the same `namespace`.
 *
 * A server that was restarted has forgotten at most what its append-only file lacks: a filter then lets a call through again,
 * a rate begins anew.
 */
export function redisCoordination(options: RedisCoordinationOptions = {}): CoordinationStore {
  const namespace = checkedNamespace(options.namespace);
  const session = new RedisSession(options, {
    scripts: COORDINATION_SCRIPTS,
    kept: 'any',
    name: 'nestjs-funq coordination',
  });
  const filter = (key: string): string => `${namespace}:filter:${key}`;
  const workers = `${namespace}:{workers}`;
  const settings = `${namespace}:settings`;

  return {
    kind: 'redis',
    durable: true,
    shared: true,
    required: options.required ?? false,
    connect: (context) => session.connect(context),
    async claim(key, owner, lease) {
      const answer = await session.use((link) =>
        link.runForBytes('funqFilterClaim', filter(key), owner, Math.ceil(lease)),
      );
      return claimOf(answer as number | [number, Buffer | null]);
    },
    async confirm(key, owner, ttl, value) {
      const values = [ttl === undefined ? '' : Math.ceil(ttl), value ? Buffer.from(value) : '', value ? 1 : 0] as const;
      return (await session.use((link) => link.run('funqFilterConfirm', filter(key), owner, ...values))) === 1;
    },
    async release(key, owner) {
      await session.use((link) => link.run('funqFilterRelease', filter(key), owner));
    },
    async reserve(key, interval, burst, permits) {
      const rate = `${namespace}:rate:${key}`;
      return Number(await session.use((link) => link.run('funqReserve', rate, interval, burst, permits)));
    },
    async report(worker, ttl) {
      await session.use((link) => link.run('funqReport', workers, worker.id, JSON.stringify(worker), ttl));
    },
    async withdraw(id) {
      await session.use((link) => link.run('funqWithdraw', workers, id));
    },
    async list() {
      const reports = (await session.use((link) => link.run('funqList', workers))) as (string | null)[];
      return reports.flatMap((report) => (report === null ? [] : [JSON.parse(report) as WorkerReport]));
    },
    async set(key, value) {
      await session.use(({ client }) =>
        value === undefined ? client.hdel(settings, key) : client.hset(settings, key, value),
      );
    },
    async settings(prefix) {
      const all = await session.use(({ client }) => client.hgetall(settings));
      return new Map(Object.entries(all).filter(([key]) => key.startsWith(prefix)));
    },
    close: () => session.close(),
  };
}

function claimOf(answer: number | readonly [number, Buffer | null]): FilterClaim {
  if (typeof answer === 'number') return { state: answer === 1 ? 'claimed' : 'running' };
  const [own, value] = answer;
  return { state: 'done', own: own === 1, ...(value && { value }) };
}
