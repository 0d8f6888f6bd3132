import { randomUUID } from 'node:crypto';
import { Cluster, Redis, type ClusterOptions } from 'ioredis';
import { redis } from 'nestjs-funq/redis';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { brokerConformance, conforms, coordinationConformance } from 'nestjs-funq/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proxyTo } from '../services/proxy-to.js';
import { withService } from '../services/service.js';
import { atEnd, eventually, message, opened, subscribe, taken, textsOf } from './opened.js';
import { canStart, OwnServer } from './own-server.js';

const SLOTS = 16_384;
const NODES = 3;
/** A part of the kit that goes through every script; the others don't differ from those on one server. */
const PART =
  /^(bodies|publish|receive: waits|ack|release|close: what|redelivered|order|priority|delay: a|ttl|unique|queues: (do|may)|count|purge|lease: a silent|filter: [avw]|rate: [sk]|presence|settings)/;

withService('redis', () => {
  describe.skipIf(!canStart)('a cluster of three', () => {
    let servers: OwnServer[] = [];
    const clients: Cluster[] = [];
    const namespace = `test-${randomUUID()}`;
    const client = (options: ClusterOptions = {}): Cluster => {
      const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
      const cluster = new Cluster(nodes, { redisOptions: { commandTimeout: 5000 }, ...options });
      cluster.on('error', () => undefined);
      clients.push(cluster);
      return cluster;
    };

    beforeAll(async () => {
      servers = await Promise.all(
        Array.from({ length: NODES }, () =>
          OwnServer.create('--cluster-enabled', 'yes', '--cluster-node-timeout', '5000'),
        ),
      );
      await Promise.all(servers.map((server) => server.start()));
      const admins = servers.map(({ port }) => new Redis(port));
      for (const [index, admin] of admins.entries()) {
        const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / NODES));
        await admin.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to! - 1}`);
        if (index > 0) await admin.call('CLUSTER', 'MEET', '127.0.0.1', `${servers[0]!.port}`);
      }
      const agreed = async (admin: Redis) => expect(await admin.cluster('INFO')).toContain('cluster_state:ok');
      for (const admin of admins) await eventually(() => agreed(admin), 30_000);
      for (const admin of admins) admin.disconnect();
    }, 40_000);
    afterAll(async () => {
      for (const each of clients) each.disconnect();
      await Promise.all(servers.map((server) => server.remove()));
    });

    // Each broker has a client of its own, as each process has.
    const broker = brokerConformance({ create: () => redis({ ...lazily(client), namespace }) });
    conforms('broker', broker.filter(({ name }) => PART.test(name)), { describe, it }); // prettier-ignore
    const store = coordinationConformance({ create: () => redisCoordination({ ...lazily(client), namespace }) });
    conforms('coordination', store.filter(({ name }) => PART.test(name)), { describe, it }); // prettier-ignore

    it('says that an address is that of a cluster, and what to give instead', async () => {
      const queue = await opened({ url: servers[0]!.url, namespace });
      const publishing = Array.from({ length: 20 }, (_, n) => queue.publish(`q${n}`, [message('m')]));
      const refused = (await Promise.allSettled(publishing)).find(({ status }) => status === 'rejected');
      expect(refused).toMatchObject({
        reason: { code: 'FUNQ_REDIS_CLUSTER', message: expect.stringContaining("'client'") as string },
      });
    });

    it('finds what was handed out to a client that asks again by itself', { timeout: 20_000 }, async () => {
      const ways = await Promise.all(servers.map(({ url }) => proxyTo(url)));
      atEnd(() => Promise.all(ways.map(({ proxy }) => proxy.close())));
      const through = servers.map(({ port }, n) => [`127.0.0.1:${port}`, Number(new URL(ways[n]!.url).port)] as const);
      const natMap = Object.fromEntries(through.map(([node, port]) => [node, { host: '127.0.0.1', port }]));
      const publisher = await opened({ client: client(), namespace });
      const redisOptions = { commandTimeout: 5000, autoResendUnfulfilledCommands: false };
      const broker = await opened({ client: client({ natMap, redisOptions }), namespace });
      const subscription = await subscribe(broker, 'again');
      await subscription.receive(1, AbortSignal.timeout(200));
      await publisher.publish('again', [message('a'), message('b'), message('c'), message('d')]);
      for (const { proxy } of ways) proxy.mute();
      const receiving = subscription.receive(2, new AbortController().signal);
      await expect.poll(() => publisher.count!('again')).toBe(2);
      for (const { proxy } of ways) proxy.reset();
      const deliveries = [...(await receiving)];
      deliveries.push(...(await taken(subscription, 4 - deliveries.length, 4000)));
      expect(textsOf(deliveries).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('keeps all keys of a queue in one slot, and queues apart', async () => {
      const cluster = client();
      const queue = await opened({ client: cluster, namespace });
      for (const name of ['a', 'b', 'with {braces}', '}{', 'é']) {
        await queue.publish(name, [message('m'), message('d', { delay: 60_000, ttl: 60_000, unique: 60_000 })]);
        const subscription = await queue.subscribe(name, { prefetch: 1, lease: 60_000 });
        atEnd(() => subscription.close());
        await subscription.receive(1, new AbortController().signal);
      }
      const slots = new Map<string, Set<number>>();
      for (const node of cluster.nodes('master')) {
        for (const key of await node.keys(`${namespace}:{*`)) {
          const tag = /^[^{]*\{(.*?)\}/.exec(key)![1]!;
          const slot = (await node.cluster('KEYSLOT', key)) as number;
          slots.set(tag, (slots.get(tag) ?? new Set()).add(slot));
        }
      }
      expect(slots.get('with%20%7Bbraces%7D')?.size).toBe(1);
      expect([...slots.values()].every(({ size }) => size === 1)).toBe(true);
      expect(new Set([...slots.values()].flatMap((set) => [...set])).size).toBeGreaterThan(3);
    });
  });
});

/** A client that is made when the broker first asks for it: the kit makes brokers before the cluster is there. */
function lazily(make: () => Cluster): { readonly client: Cluster } {
  let made: Cluster | undefined;
  return {
    get client() {
      return (made ??= make());
    },
  };
}
