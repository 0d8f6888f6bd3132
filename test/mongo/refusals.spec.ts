import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import mongoose from 'mongoose';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AwayError } from 'nestjs-funq';
import { mongo, type MongoOptions } from 'nestjs-funq/mongo';
import { mongoCoordination, mongoResults } from 'nestjs-funq/stores/mongo';
import { SystemClock } from '../../lib/core/system-clock.js';
import { HELLO, fakeServer, isHello, type Answer } from './fake-server.js';

const clock = new SystemClock();
type Refusal = Partial<AwayError> & { readonly code?: string; readonly message: string };

async function refusal(options: MongoOptions): Promise<Refusal> {
  const broker = mongo(options);
  onTestFinished(() => broker.close());
  return broker.connect({ clock }).then(() => expect.fail('it connected'), (error: Refusal) => error); // prettier-ignore
}

function thrown(make: () => unknown): Refusal {
  try {
    make();
  } catch (error) {
    return error as Refusal;
  }
  return expect.fail('nothing was thrown');
}

describe('options', () => {
  it.each([mongo, mongoResults, mongoCoordination])('%o wants an address or a connection', (create) => {
    const both = { url: 'mongodb://127.0.0.1', connection: mongoose.createConnection() };
    for (const options of [{}, both])
      expect(thrown(() => create(options))).toMatchObject({
        code: 'FUNQ_MONGO_OPTIONS',
        message: expect.stringContaining("'url' or 'connection'") as string,
      });
  });

  it.each(['', '1st', 'a$b', 'system.x', 'a\0b', 'a b', 'a*', '"', "it's", '\n', 'x'.repeat(101)])(
    'collection can not be %j',
    (collection) => {
      const error = thrown(() => mongo({ url: 'mongodb://127.0.0.1', collection }));
      expect(error).toMatchObject({
        code: 'FUNQ_MONGO_OPTIONS',
        message: expect.stringContaining("'collection'") as string,
      });
    },
  );
});

describe('an address', () => {
  it.each([
    'mongo://host/db',
    '',
    'mongodb://',
    'mongodb://app:s3cret@ost@host/db',
    'mongodb://app:s3cret@host:99999999/db',
    'mongodb://app:s3cret@host/db?nosuchoption=1',
  ])('that is wrong is named with its remedy, without its password: %s', async (url) => {
    const error = await refusal({ url });
    expect(error).toMatchObject({
      code: 'FUNQ_MONGO_URL',
      message: expect.stringContaining("write 'url' as mongodb://") as string,
    });
    expect(error.away).toBeUndefined();
    expect(error.message).not.toContain('s3cret');
  });

  it('where nobody listens is away, and its password is not shown', async () => {
    const error = await refusal({ url: 'mongodb://app:s3cret@127.0.0.1:1/db?serverSelectionTimeoutMS=300' });
    expect(error).toMatchObject({
      away: true,
      code: 'FUNQ_MONGO_AWAY',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    expect(error.message).not.toContain('s3cret');
  });

  it('where somebody else speaks in place of TLS is wrong', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const error = await refusal({ url: `mongodb://127.0.0.1:${port}/db?tls=true&serverSelectionTimeoutMS=500` });
    expect(error).toMatchObject({
      code: 'FUNQ_MONGO_TLS',
      message: expect.stringContaining('check tls and tlsCAFile') as string,
    });
  });
});

describe('a server', () => {
  const refusing = (code: number, codeName: string, errmsg: string): Answer => {
    return (command) => (isHello(command) ? HELLO : { ok: 0, code, codeName, errmsg });
  };

  it.each<[string, string, Answer]>([
    ['FUNQ_MONGO_RIGHTS', 'readWrite', refusing(13, 'Unauthorized', 'not authorized on db')],
    ['FUNQ_MONGO_INDEX', "another 'collection'", refusing(86, 'IndexKeySpecsConflict', 'same name')],
    ['FUNQ_MONGO_INDEX', "another 'collection'", refusing(85, 'IndexOptionsConflict', 'other options')],
    ['FUNQ_MONGO_AWAY', "can't be reached", refusing(10107, 'NotWritablePrimary', 'not primary')],
    ['FUNQ_MONGO_FAILED', 'no such command', refusing(59, 'CommandNotFound', 'no such command')],
  ])('that refuses is told as %s: %s', async (code, part, answer) => {
    const error = await refusal({ url: `mongodb://${await fakeServer(answer)}/db?retryWrites=false` });
    expect(error).toMatchObject({ code, message: expect.stringContaining(part) as string });
    expect(error.away).toBe(code === 'FUNQ_MONGO_AWAY' ? true : undefined);
    expect('unfit' in error).toBe(/RIGHTS|INDEX/.test(code));
  });

  it('that refuses the password is told as such, without it', async () => {
    const host = await fakeServer(refusing(18, 'AuthenticationFailed', 'Authentication failed.'));
    const error = await refusal({ url: `mongodb://app:s3cret@${host}/db?authMechanism=SCRAM-SHA-256` });
    expect(error).toMatchObject({ code: 'FUNQ_MONGO_AUTH', message: expect.stringContaining('authSource') as string });
    expect(error.message).not.toContain('s3cret');
    expect(error.away).toBeUndefined();
  });

  it('that is too old is told as such', async () => {
    const old: Answer = () => ({ ...HELLO, maxWireVersion: 5 });
    const error = await refusal({ url: `mongodb://${await fakeServer(old)}/db?serverSelectionTimeoutMS=500` });
    expect(error).toMatchObject({ code: 'FUNQ_MONGO_VERSION', message: expect.stringContaining('4.4') as string });
    expect(error.away).toBeUndefined();
  });

  it('that never answers is away', async () => {
    const host = await fakeServer(() => undefined);
    const error = await refusal({ url: `mongodb://${host}/db?serverSelectionTimeoutMS=500` });
    expect(error).toMatchObject({ away: true, code: 'FUNQ_MONGO_AWAY' });
  });

  it(
    'that falls silent does not hold a verb for ever, and is found again by the next one',
    { timeout: 30_000 },
    async () => {
      let silent = false;
      const answer: Answer = (command, request) => {
        if (silent) return undefined;
        if (isHello(command)) return HELLO;
        if (command === 'findAndModify') return { ok: 1, value: { _id: request['query'], at: new Date(), seq: 1 } };
        return { ok: 1, n: 1 };
      };
      const fast = 'socketTimeoutMS=500&connectTimeoutMS=500&serverSelectionTimeoutMS=5000&heartbeatFrequencyMS=500';
      const broker = mongo({ url: `mongodb://${await fakeServer(answer)}/db?${fast}` });
      onTestFinished(() => broker.close());
      await broker.connect({ clock });
      const publish = (): Promise<unknown> => broker.publish('q', [{ id: 'm', body: Buffer.from('m') }]);
      await publish();
      silent = true;
      await expect(publish()).rejects.toMatchObject({ away: true });
      await expect(publish()).rejects.toMatchObject({ away: true });
      silent = false;
      await expect(publish()).resolves.toEqual([]);
    },
  );
});
