import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'nestjs-funq/redis';
import { redis } from 'nestjs-funq/redis';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withService } from '../services/service.js';
import { atEnd, clock, created, message, opened, subscribe, textsOf } from './opened.js';
import { canStart, OwnServer } from './own-server.js';

const PASSWORD = 'open-sesame';

/** What is said when such a broker is connected. */
async function refusal(options: RedisOptions): Promise<{ code: string; message: string; away?: boolean }> {
  const error = await created(options)
    .connect({ clock })
    .then(
      () => undefined,
      (said: unknown) => said,
    );
  expect(error).toBeInstanceOf(Error);
  return error as { code: string; message: string };
}

describe('options that are no options', () => {
  it.each(['http://localhost', 'localhost:6379', '', 'redis'])('refuses the url %j', async (url) => {
    expect(await refusal({ url })).toMatchObject({
      code: 'FUNQ_REDIS_URL',
      message: expect.stringMatching(/option 'url' is .* redis:\/\/host:6379\/0/) as string,
    });
  });

  it.each([
    'redis://127.0.0.1:1/abc',
    'redis://127.0.0.1:1/1.5',
    'redis://127.0.0.1:1/-1',
    'redis://me:50%@127.0.0.1:1',
  ])('refuses the url %j, of which the client makes something else', async (url) => {
    expect(await refusal({ url })).toMatchObject({ code: 'FUNQ_REDIS_URL' });
  });

  it('masks the password of a url that it refuses', async () => {
    expect((await refusal({ url: `http://me:${PASSWORD}@host` })).message).not.toContain(PASSWORD);
  });

  it('refuses a namespace with braces, which would part the keys of a queue', () => {
    expect(() => redis({ namespace: 'a{b}' })).toThrow(/option 'namespace' is 'a\{b\}', but must not have braces/);
    expect(() => redisCoordination({ namespace: '}' })).toThrow(/must not have braces/);
  });

  it('refuses a server that is too old, and says which one is needed', async () => {
    const server = createServer((socket) => {
      socket.on('data', (data) => {
        for (const name of data
          .toString()
          .toLowerCase()
          .match(/hello|client|info/g) ?? [])
          socket.write(name === 'info' ? '$25\r\nredis_version:5.0.14\r\nx:y\r\n' : '-ERR unknown command `HELLO`\r\n');
      });
    }).listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await refusal({ url: `redis://127.0.0.1:${port}`, options: { disableClientInfo: true } })).toMatchObject({
      code: 'FUNQ_REDIS_VERSION',
      message: `Redis at 127.0.0.1:${port} is version 5.0.14, and at least 6.2 is needed.`,
    });
  });
});

withService('redis', (url) => {
  it('refuses a client that is none, and one whose numbers are texts', () => {
    const client = new Redis(url, { stringNumbers: true, lazyConnect: true });
    atEnd(() => client.disconnect());
    const clients = { [String({})]: {}, [url]: url, stringNumbers: client } as Record<string, unknown>;
    for (const [name, given] of Object.entries(clients))
      for (const create of [redis, redisCoordination])
        expect(() => create({ client: given as Redis }), name).toThrow(
          expect.objectContaining({ message: expect.stringContaining("option 'client'") as string }),
        );
  });

  it('has an idea where one of both speaks TLS and the other does not', { timeout: 15_000 }, async () => {
    const { message: said } = await refusal({ url: url.replace('redis:', 'rediss:') });
    expect(said).toMatch(/'rediss:\/\/' is for TLS, 'redis:\/\/' for none/);
    const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    const plain = await refusal({ url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` });
    expect(plain.message).toMatch(/'rediss:\/\/' is for TLS, 'redis:\/\/' for none/);
  });

  it('refuses a database that is not there', async () => {
    expect(await refusal({ url: `${url}/999` })).toMatchObject({ code: 'FUNQ_REDIS_FAILED' });
  });

  describe('a server before version 7, which tells of errors in scripts where they were', () => {
    const where = 'ERR Error running script (call to f_7f746cf0dceab920f21a6483f9b4e1faddb24756): @user_script:92: ';
    it.each([
      [`${where}@user_script: 92: -READONLY You can't write against a read only replica.`, { away: true }],
      [
        `${where}@user_script: 92: -OOM command not allowed when used memory > 'maxmemory'.`,
        { code: 'FUNQ_REDIS_FULL' },
      ],
      [`${where}WRONGTYPE Operation against a key holding the wrong kind of value`, { code: 'FUNQ_REDIS_FOREIGN' }],
      [
        `${where}@user_script: 92: The user executing the script can't run this command or subcommand`,
        { code: 'FUNQ_REDIS_AUTH' },
      ],
    ])('is understood: %s', async (said, meant) => {
      const client = new Redis(url);
      atEnd(() => client.disconnect());
      const broker = await opened({ client, namespace: `test-${randomUUID()}` });
      const answer = Object.assign(new Error(said), { name: 'ReplyError' });
      (client as unknown as Record<string, unknown>)['funqPublish'] = () => Promise.reject(answer);
      await expect(broker.publish('q', [message('m')])).rejects.toMatchObject(meant);
    });
  });

  it('tells of a key of another program where a queue belongs', async () => {
    const namespace = `test-${randomUUID()}`;
    const client = new Redis(url);
    atEnd(() => client.quit());
    atEnd(() => client.del(`${namespace}:{q}:ready`));
    await client.set(`${namespace}:{q}:ready`, 'mine');
    const broker = await opened({ url, namespace });
    await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({
      unfit: true,
      code: 'FUNQ_REDIS_FOREIGN',
      message: expect.stringContaining("another 'namespace'") as string,
    });
  });

  it.skipIf(!canStart)('works on a server that speaks no RESP3, and leaves the client of the app usable', async () => {
    const server = await OwnServer.create('--rename-command', 'HELLO', '');
    atEnd(() => server.remove());
    await server.start();
    const client = new Redis(server.port);
    atEnd(() => client.disconnect());
    const connections = async () => ((await client.client('LIST')) as string).trim().split('\n').length;
    for (const options of [{ url: server.url }, { client }]) {
      const broker = await opened(options);
      const subscription = await subscribe(broker, 'q');
      const receiving = subscription.receive(1, AbortSignal.timeout(4000));
      await expect.poll(() => client.keys('*:waiters')).toHaveLength(1);
      await broker.publish('q', [message('m')]);
      expect(textsOf(await receiving)).toEqual(['m']);
      await broker.close();
      await expect.poll(connections).toBe(1);
    }
  });

  describe.skipIf(!canStart)('a server with settings of its own', () => {
    let server: OwnServer;
    let admin: Redis;
    beforeAll(async () => {
      server = await OwnServer.create('--requirepass', PASSWORD);
      await server.start();
      admin = new Redis(server.port, { password: PASSWORD });
    });
    afterAll(async () => {
      admin.disconnect();
      await server.remove();
    });
    const urlWith = (secret: string): string => server.url.replace('//', `//${secret}@`);

    it('says that the password is wrong or missing, and never what it was', async () => {
      for (const wrong of [urlWith(':not-it'), server.url]) {
        const error = await refusal({ url: wrong });
        expect(error).toMatchObject({
          code: 'FUNQ_REDIS_AUTH',
          message: expect.stringContaining("Check user and password in the option 'url'") as string,
        });
        expect(error.away).toBeUndefined();
        expect(inspect(error, { depth: 10 })).not.toContain('not-it');
      }
    });

    it('says what rights a user lacks', async () => {
      await admin.acl('SETUSER', 'reader', 'on', '>secret', '~*', '&*', '+@read', '+@connection', '+info');
      const broker = await opened({ url: urlWith('reader:secret') });
      await expect(broker.publish('q', [message('m')])).rejects.toMatchObject({ code: 'FUNQ_REDIS_AUTH' });
    });

    it('works for a user who may not ask about the server', async () => {
      await admin.acl('SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-info');
      const broker = await opened({ url: urlWith('plain:secret') });
      expect(await broker.publish('q', [message('m')])).toEqual([]);
    });

    it('loses nothing when a user who may not tell consumers publishes', async () => {
      await admin.acl('SETUSER', 'mute', 'on', '>secret', '~*', 'resetchannels', '+@all');
      const namespace = `test-${randomUUID()}`;
      const broker = await opened({ url: urlWith(`:${PASSWORD}`), namespace });
      const subscription = await broker.subscribe('q', { prefetch: 1, lease: 60_000 });
      const receiving = subscription.receive(1, AbortSignal.timeout(1000));
      await expect.poll(() => admin.exists(`${namespace}:{q}:waiters`)).toBe(1);
      const mute = await opened({ url: urlWith('mute:secret'), namespace });
      await expect(mute.publish('q', [message('m')])).rejects.toThrow(/can't publish to the channel/);
      await receiving;
      expect(await broker.count!('q')).toBe(1);
    });

    it('refuses a server that may drop tasks, unless that is accepted', async () => {
      atEnd(() => admin.config('SET', 'maxmemory-policy', 'noeviction'));
      const known = { url: urlWith(`:${PASSWORD}`) };
      const store = async (allowEviction = false): Promise<void> => {
        const coordination = redisCoordination({ ...known, allowEviction });
        atEnd(() => coordination.close());
        await coordination.connect({ clock });
      };
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      expect(await refusal(known)).toMatchObject({
        code: 'FUNQ_REDIS_EVICTION',
        message: expect.stringMatching(/'allkeys-lru'\. Set it to 'noeviction', or .* 'allowEviction: true'/) as string,
      });
      await expect(store()).rejects.toMatchObject({ code: 'FUNQ_REDIS_EVICTION' });
      await opened({ ...known, allowEviction: true });
      await store(true);
      // Such a server drops what expires: claims of a filter do, tasks don't.
      await admin.config('SET', 'maxmemory-policy', 'volatile-lru');
      await opened(known);
      await expect(store()).rejects.toMatchObject({ code: 'FUNQ_REDIS_EVICTION' });
    });
  });
});
