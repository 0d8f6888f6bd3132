import { randomUUID } from 'node:crypto';
import { Subject, from, interval, type Observable } from 'rxjs';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern } from '@nestjs/microservices';
import { describe, expect, it, onTestFinished } from 'vitest';
import { JsonCodec, type Reply } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { FunqClient, type FunqContext } from 'nestjs-funq/microservice';
import { SystemClock } from '../../lib/core/system-clock.js';
import { turns } from '../nest/support/app.js';
import { limited, publishingBy } from '../nest/support/brokers.js';
import { Endless, Seen, Streams, Sums } from './services.js';
import { Stage, all, failure, once } from './support.js';

const codec = new JsonCodec();

function stage(): Stage & { readonly queues: MemoryQueues } {
  const queues: MemoryQueues = new Map();
  return Object.assign(new Stage(() => memory({ queues })), { queues });
}

/** A client whose callee is played by the test: `reply` sends what the test says. */
async function called(clock = new ManualClock(), options = {}) {
  const queues: MemoryQueues = new Map();
  const broker = memory({ queues });
  await broker.connect({ clock });
  const client = new FunqClient({ broker: memory({ queues }), clock, timeout: 1000, ...options });
  onTestFinished(() => client.close());
  const heard: unknown[] = [];
  const subscription = client.send('x', 1).subscribe({
    next: (value) => heard.push(value),
    error: (error: unknown) => heard.push(error),
    complete: () => heard.push('complete'),
  });
  const queue = await broker.subscribe('x', { prefetch: 1, lease: 60_000 });
  const [request] = await queue.receive(1, new AbortController().signal);
  const { reply: address } = codec.decode(request!.body);
  const inbox = await broker.subscribe('funq.replies.callee', { prefetch: 10, lease: 60_000 });
  const reply = async (...replies: Omit<Reply, 'v' | 'call'>[]): Promise<void> => {
    const messages = replies.map((each) => codec.encodeReply({ v: 1, call: address!.call, ...each }));
    await broker.publish(
      address!.queue,
      messages.map((body) => ({ id: randomUUID(), body })),
    );
    await turns();
  };
  /** What the callee was told. */
  const told = async (): Promise<Reply> => {
    const [word] = await inbox.receive(1, new AbortController().signal);
    return codec.decodeReply(word!.body);
  };
  return { client, clock, heard, subscription, reply, told, queues };
}

const from1 = { queue: 'funq.replies.callee', call: 'c1' };

describe('the parts of a result', () => {
  it('are put in order, and taken once each, whoever sends them', async () => {
    const { heard, reply } = await called();
    await reply({ part: 1, value: 'b' }, { parts: 3, value: undefined });
    expect(heard).toEqual([]);
    await reply({ part: 0, value: 'a' }, { part: 0, value: 'a again' }, { part: 1, value: 'b again' });
    expect(heard).toEqual(['a', 'b']);
    await reply({ part: 2, value: 'c' }, { part: 3, value: 'too late' });
    expect(heard).toEqual(['a', 'b', 'c', 'complete']);
  });

  it('come before an error that follows them', async () => {
    const { heard, reply } = await called();
    await reply({ parts: 1, error: { name: 'Error', message: 'x' }, value: { status: 'error' } });
    await reply({ part: 0, value: 'a' });
    expect(heard).toEqual(['a', { status: 'error' }]);
  });

  it('that come too early for the buffer end the call, and the callee hears of it', async () => {
    const { heard, reply, told } = await called(undefined, { maxBuffer: 2 });
    await reply({ from: from1 }, { part: 1, value: 1 }, { part: 2, value: 2 }, { part: 3, value: 3 });
    expect(heard).toEqual([expect.objectContaining({ code: 'FUNQ_STREAM_OVERFLOW' })]);
    expect(await told()).toMatchObject({ call: 'c1', error: { code: 'FUNQ_DISCARDED' } });
  });

  it('that can not be sent end the call, and the callee hears of it', async () => {
    const { heard, reply, told } = await called();
    await reply({ part: 0, value: 0, from: from1 }, { part: 1, error: { name: 'Error', message: 'x' } });
    expect(heard).toEqual([0, expect.objectContaining({ message: 'x' })]);
    expect(await told()).toMatchObject({ call: 'c1', error: { code: 'FUNQ_DISCARDED' } });
  });

  it('are waited for one by one', async () => {
    const { heard, reply, clock } = await called();
    await clock.advance(900);
    await reply({ part: 0, value: 'a' });
    await clock.advance(900);
    expect(heard).toEqual(['a']);
    await clock.advance(200);
    expect(heard[1]).toMatchObject({ code: 'FUNQ_REPLY_TIMEOUT' });
  });
});

describe('a process that stood still', () => {
  it('counts what came meanwhile', async () => {
    const { heard, reply, clock } = await called();
    await clock.leap(1800);
    await reply({ value: 1 });
    expect(heard).toEqual([1, 'complete']);
  });

  it('does not take its caller for silent', async () => {
    const source = new Subject<number>();
    @Controller()
    class Open {
      @MessagePattern('open')
      open(): Observable<number> {
        return source;
      }
    }
    const clock = new ManualClock();
    const here = stage();
    const { server } = await here.serve({ controllers: [Open] }, { clock });
    const discarded: unknown[] = [];
    server.on('discarded', ({ reason }) => discarded.push(reason));
    const broker = here.place();
    await broker.connect({ clock });
    const reply = { queue: 'funq.replies.caller', call: 'x', until: clock.now() + 1000, parts: 1000 };
    const body = codec.encode({ v: 1, id: '1', args: [1], publishedAt: clock.now(), attempt: 1, reply });
    await broker.publish(`${here.prefix}open`, [{ id: '1', body }]);
    const inbox = await broker.subscribe(reply.queue, { prefetch: 10, lease: 60_000 });
    await turns();
    source.next(0);
    const [part] = await inbox.receive(1, new AbortController().signal);
    const { from } = codec.decodeReply(part!.body);
    await clock.leap(1500);
    await broker.publish(from!.queue, [{ id: '2', body: codec.encodeReply({ v: 1, call: from!.call }) }]);
    await turns();
    await clock.advance(900);
    expect(discarded).toEqual([]);
    await clock.advance(100);
    await turns();
    expect(discarded).toEqual(['no sign of the caller for 1000 ms']);
  });
});

describe('a caller', () => {
  it('that waits when its client is closed tells its callee', async () => {
    const { client, clock, heard, reply, told } = await called();
    await reply({ part: 0, value: 0, from: from1 });
    const closing = client.close();
    expect(await told()).toMatchObject({ call: 'c1', error: { code: 'FUNQ_DISCARDED' } });
    await clock.advance(10_000);
    await closing;
    expect(heard).toEqual([0, expect.objectContaining({ code: 'FUNQ_CLOSED' })]);
  });

  it('that gave up keeps no place when there is an outcome', async () => {
    const { subscription, reply, clock } = await called();
    const before = clock.pending;
    subscription.unsubscribe();
    await reply({ value: 1 });
    expect(clock.pending).toBe(before - 1);
  });

  it('gives signs of life, and none after the end', async () => {
    const { reply, told, clock, heard, queues } = await called();
    await reply({ from: from1 });
    await clock.advance(340);
    expect(await told()).toEqual({ v: 1, call: 'c1' });
    await reply({ value: 'done' });
    await clock.advance(10_000);
    expect(heard).toEqual(['done', 'complete']);
    expect(queues.get('funq.replies.callee')?.count()).toBe(0);
  });

  it('that gave up before it knew its callee tells it as soon as it does', async () => {
    const { subscription, reply, told, heard } = await called();
    subscription.unsubscribe();
    await reply({ from: from1 });
    expect(await told()).toMatchObject({ call: 'c1', error: { message: 'its caller has given up' } });
    expect(heard).toEqual([]);
  });

  it('is told when the broker has not even taken its request', async () => {
    const clock = new ManualClock();
    const client = new FunqClient({
      broker: publishingBy(() => () => new Promise(() => undefined)),
      clock,
      timeout: 1000,
    });
    onTestFinished(async () => {
      const closing = client.close();
      await clock.advance(60_000);
      await closing;
    });
    const failed = failure(client.send('x', 1));
    await turns();
    await clock.advance(1000);
    const { error } = await failed;
    expect(error).toMatchObject({ code: 'FUNQ_REPLY_TIMEOUT' });
    expect((error as Error).message).toMatch('the broker has not confirmed the request yet');
  });

  it('that gives up tells all who have a copy of its request, those that it learns of later, too', async () => {
    const { subscription, reply, told, clock } = await called();
    const from = (call: string) => ({ from: { queue: from1.queue, call }, source: call });
    await reply(from('a'), from('b'));
    subscription.unsubscribe();
    expect([(await told()).call, (await told()).call].sort()).toEqual(['a', 'b']);
    await reply(from('c'));
    expect(await told()).toMatchObject({ call: 'c', error: { code: 'FUNQ_DISCARDED' } });
    const { pending } = clock;
    await clock.advance(1000);
    expect(clock.pending).toBe(pending - 1);
  });

  it('hears nothing of what comes after its end', async () => {
    const { reply, heard } = await called();
    await reply({ value: 1 }, { value: 2 }, { error: { name: 'Error', message: 'x' } });
    expect(heard).toEqual([1, 'complete']);
  });

  it('that waits when its client is closed is told', async () => {
    const { client, heard } = await called(new SystemClock() as never);
    await client.close();
    expect(heard).toEqual([expect.objectContaining({ code: 'FUNQ_CLOSED' })]);
  });
});

describe('a callee', () => {
  it('ends a stream whose caller gives no sign of life', async () => {
    @Controller()
    class Ticks {
      @MessagePattern('ticks')
      ticks(): Observable<number> {
        return interval(5);
      }
    }
    const here = stage();
    const { server } = await here.serve({ controllers: [Ticks] });
    const discarded = once(server, 'discarded');
    // A client that was killed: it asked, and is silent ever after.
    const broker = here.place();
    await broker.connect({ clock: new SystemClock() });
    const reply = { queue: 'funq.replies.dead', call: 'x', until: Date.now() + 100, parts: 100 };
    const body = codec.encode({ v: 1, id: '1', args: [1], publishedAt: Date.now(), attempt: 1, reply });
    await broker.publish(`${here.prefix}ticks`, [{ id: '1', body }]);
    expect(await discarded).toMatchObject({ reason: 'no sign of the caller for 100 ms' });
  });

  it('does not begin what nobody waits for any more', async () => {
    const here = stage();
    const { app, server } = await here.serve({ controllers: [Endless] });
    const expired = once(server, 'expired');
    const broker = here.place();
    await broker.connect({ clock: new SystemClock() });
    const reply = { queue: 'funq.replies.dead', call: 'x', until: Date.now() - 61_000, parts: 100 };
    const body = codec.encode({ v: 1, id: '1', args: [1], publishedAt: Date.now(), attempt: 1, reply });
    await broker.publish(`${here.prefix}wait`, [{ id: '1', body }]);
    await expired;
    expect(app.get(Endless).seen.values).toEqual([]);
  });

  it('lets iterables wait for the broker, and ends sources that can not wait', async () => {
    const seen = new Seen();
    @Controller()
    class Fast {
      @MessagePattern('pull')
      async *pull(): AsyncGenerator<number> {
        for (let n = 0; n < 100; n++) {
          seen.add(n);
          yield n;
        }
      }
      @MessagePattern('push')
      push(): Observable<number> {
        return from(Array.from({ length: 100 }, (_, n) => n));
      }
    }
    const here = stage();
    await here.serve({ controllers: [Fast] }, { maxBuffer: 10 });
    const client = here.client();
    expect(await all(client.send('pull', 1))).toHaveLength(100);
    expect((await failure(client.send('push', 1))).error).toMatchObject({ remoteCode: 'FUNQ_STREAM_OVERFLOW' });
  });

  it('leaves nothing behind: no waiting call, no queue, no listener', async () => {
    const here = stage();
    const { close, app } = await here.serve({ controllers: [Streams, Sums, Endless] });
    const client = here.client();
    await Promise.all(Array.from({ length: 50 }, (_, n) => all(client.send('generate', n))));
    const subscription = client.send('wait', 1).subscribe();
    await app.get(Endless).seen.many(1);
    subscription.unsubscribe();
    await app.get(Endless).aborted.promise;
    const listeners = process.listenerCount('uncaughtExceptionMonitor');
    await client.close();
    await close();
    expect(process.listenerCount('uncaughtExceptionMonitor')).toBe(listeners - 1);
    const left = [...here.queues].filter(([, queue]) => queue.count() > 0).map(([name]) => name);
    expect(left).toEqual([]);
  });
});

describe('a retry in the middle of a stream', () => {
  it('goes on where the caller is', async () => {
    @Controller()
    class Shaky {
      @MessagePattern('shaky', { retry: 1 })
      async *shaky(@Ctx() context: FunqContext): AsyncGenerator<string> {
        const { attempt } = context.getTask();
        yield 'a';
        yield 'b';
        if (attempt === 1) throw new Error('in the middle');
        yield 'c';
      }
    }
    const here = stage();
    await here.serve({ controllers: [Shaky] });
    expect(await all(here.client().send('shaky', 1))).toEqual(['a', 'b', 'c']);
  });
});

describe('a broker that keeps no order', () => {
  it('does not mix up a stream', async () => {
    const queues: MemoryQueues = new Map();
    // Everything comes last first.
    const place = (): ReturnType<typeof limited> => {
      const inner = memory({ queues });
      return {
        ...inner,
        subscribe: async (...args) => {
          const real = await inner.subscribe(...args);
          return { ...real, receive: async (...wanted) => (await real.receive(...wanted)).reverse() };
        },
      };
    };
    const here = new Stage(place);
    await here.serve({ controllers: [Streams] });
    expect(await all(here.client().send('count', 50))).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });
});
