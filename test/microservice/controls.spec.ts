import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { currentTask, type ConsumerOptions } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { FunqContext, FunqRecord, FunqServer } from 'nestjs-funq/microservice';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { turns } from '../nest/support/app.js';
import { Seen } from './services.js';
import { Stage, all, failure, once } from './support.js';

/** A service with one event and one message of these options. */
async function served(
  extras: ConsumerOptions,
  options = {},
  work: (context: FunqContext) => unknown = () => undefined,
) {
  const seen = new Seen();
  @Controller()
  class Handlers {
    @EventPattern('event', extras)
    event(@Payload() data: unknown, @Ctx() context: unknown): unknown {
      seen.add(data);
      return work(context as FunqContext);
    }
    @MessagePattern('message', extras)
    message(@Payload() data: unknown, @Ctx() context: FunqContext): unknown {
      seen.add(data);
      return work(context) ?? data;
    }
  }
  const queues: MemoryQueues = new Map();
  const stage = new Stage(() => memory({ queues }));
  const service = await stage.serve({ controllers: [Handlers as Type] }, options);
  return { ...service, seen, queues, stage, client: stage.client({ timeout: 5000 }) };
}

describe('each control holds for patterns', () => {
  it('timeout', async () => {
    const { client, server } = await served({ timeout: 20 }, {}, () => new Promise(() => undefined));
    expect((await failure(client.send('message', 1))).error).toMatchObject({ remoteCode: 'FUNQ_TIMEOUT' });
    const dead = once(server, 'dead');
    client.emit('event', 1);
    expect(await dead).toMatchObject({ letter: { code: 'timeout' } });
  });

  it('expire', async () => {
    const { client, server, seen } = await served({ expire: 1 });
    const expired = once(server, 'expired');
    client.emit('event', new FunqRecord(1, { delay: 50 }));
    await expired;
    expect(seen.values).toEqual([]);
  });

  it('filter, with the answer of the call that was executed', async () => {
    const stores = { coordination: memoryCoordination() };
    const { client, seen } = await served({ filter: { reply: 'cached' } }, { stores });
    expect(await all(client.send('message', 'a'))).toEqual(['a']);
    expect(await all(client.send('message', 'a'))).toEqual(['a']);
    expect(seen.values).toEqual(['a']);
  });

  it('rate', async () => {
    const clock = new ManualClock();
    const { server, seen, stage } = await served({ rate: { starts: 1, per: '1h' } }, { clock });
    const client = stage.client({ clock });
    const done = once(server, 'done');
    await all(client.emit('event', 1));
    await all(client.emit('event', 2));
    await done;
    await turns();
    expect(seen.values).toEqual([1]);
    await clock.advance(3_600_000);
    expect(await seen.many(2)).toEqual([1, 2]);
  });

  it('persist, and concurrency', async () => {
    const results = memoryResults();
    results.close = async () => undefined;
    let [running, most] = [0, 0];
    const { client, server } = await served(
      { persist: 'result', concurrency: 2 },
      { stores: { results } },
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      },
    );
    const answers = Array.from({ length: 10 }, (_, n) => all(client.send('message', n)));
    await Promise.all(answers);
    expect(most).toBe(2);
    await server.close();
    const saved = await results.query({});
    expect(saved.map(({ status }) => status)).toEqual(Array(10).fill('done'));
  });

  it('schema', async () => {
    const schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) } };
    const { client, seen } = await served({ schema: schema as never });
    expect((await failure(client.send('message', 1))).error).toMatchObject({ remoteCode: 'FUNQ_SCHEMA' });
    expect(seen.values).toEqual([]);
  });

  it('retry, as an override of one message', async () => {
    let attempts = 0;
    const { client } = await served({}, {}, () => {
      if (++attempts < 3) throw new Error('not yet');
      return 'at last';
    });
    expect(await all(client.send('message', new FunqRecord(1, { retry: 2 })))).toEqual(['at last']);
  });

  it('as defaults of the server, which the pattern overrides', async () => {
    const { client } = await served({ retry: 0 }, { defaults: { retry: 5 } }, (context) => {
      throw new Error(String(context.getTask().policy.retry));
    });
    expect((await failure(client.send('message', 1))).error).toMatchObject({ message: 'Internal server error' });
  });
});

describe('the result of a stream is its last value', () => {
  const slowly = async function* (): AsyncGenerator<number> {
    for (let n = 1; n <= 3; n++) {
      yield n;
      await turns(3);
    }
  };

  it('for callers of a filter, also where it was sent ahead', async () => {
    const stores = { coordination: memoryCoordination() };
    const { client } = await served({ filter: { reply: 'cached' } }, { stores }, slowly);
    expect(await all(client.send('message', 'a'))).toEqual([1, 2, 3]);
    expect(await all(client.send('message', 'a'))).toEqual([3]);
  });

  it('for whoever listens', async () => {
    const { client, server } = await served({}, {}, slowly);
    const done = once(server, 'done');
    expect(await all(client.send('message', 'a'))).toEqual([1, 2, 3]);
    expect(await done).toMatchObject({ value: 3 });
  });
});

describe('without currentTask()', () => {
  it.each([
    [true, 'event 1', 'event 2'],
    [false, undefined, undefined],
  ])('currentTask: %s', async (option, first, second) => {
    const found: unknown[] = [];
    const attempts: unknown[] = [];
    const { client, server } = await served({ retry: 1, timeout: 1000 }, { currentTask: option }, async (context) => {
      await Promise.resolve();
      const task = currentTask();
      found.push(task && `event ${task.attempt}`);
      attempts.push(context.getTask().attempt);
      if (attempts.length === 1) throw new Error('again');
    });
    const done = once(server, 'done');
    client.emit('event', 1);
    await done;
    expect(attempts).toEqual([1, 2]);
    expect(found).toEqual([first, second]);
  });

  it('takes nothing but true and false', () => {
    const broker = memory();
    expect(() => new FunqServer({ broker, currentTask: 0 as never })).toThrow(/FunqServer.*currentTask.*true or false/);
  });
});

describe('dead letters', () => {
  const failing = (): never => {
    throw new Error('no');
  };
  it.each([
    ['event', {}, true],
    ['event', { deadLetter: false }, false],
    ['message', {}, false],
    ['message', { deadLetter: true }, true],
  ])('of an %s with %j: %s', async (pattern, extras, kept) => {
    const { client, server, stage } = await served(extras, {}, failing);
    const dead = once(server, 'dead');
    if (pattern === 'event') client.emit(pattern, 1);
    else await failure(client.send(pattern, 1));
    expect(await dead).toMatchObject({ deadLetter: kept ? `${stage.prefix}${pattern}.dead` : undefined });
  });
});

describe('the handler has the last word', () => {
  it('by its task', async () => {
    const { client, server } = await served({}, {}, (context) => {
      const task = context.getTask();
      if (task.requeues === 0) task.requeue(1);
      else task.dead('by itself');
    });
    const dead = once(server, 'dead');
    client.emit('event', 1);
    expect(await dead).toMatchObject({ letter: { reason: 'by itself' }, task: { requeues: 1 } });
  });
});
