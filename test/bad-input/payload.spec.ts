import { Injectable } from '@nestjs/common';
import { Consumer, FunqError, JsonCodec, getBrokerToken, type Broker } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { boot, collect, done } from '../nest/support/app.js';
import { bodies, putRaw } from './queues.js';

const MIB = 2 ** 20;
const codec = new JsonCodec();

@Injectable()
class Weigher {
  @Consumer('weigh')
  weigh(text: string): number {
    return text.length;
  }
}

/** A body of exactly `size` bytes. */
function bodyOf(size: number): Uint8Array {
  const empty = codec.encode({ v: 1, id: 'a', args: [''], publishedAt: 0, attempt: 1 }).length;
  return codec.encode({ v: 1, id: 'a', args: ['x'.repeat(size - empty)], publishedAt: 0, attempt: 1 });
}

describe('a payload that is too large', () => {
  it('is refused before it is sent, quickly, and leaves no memory behind', { timeout: 60_000 }, async () => {
    const { funq, app } = await boot({ providers: [Weigher] });
    const text = 'x'.repeat(10 * MIB);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    for (let n = 0; n < 100; n++) {
      await expect(funq.publish('weigh', [text])).rejects.toMatchObject({
        code: 'FUNQ_PAYLOAD_TOO_LARGE',
        message: expect.stringMatching(/^a task for weigh has 10\d{6} bytes, more than maxPayload of 1048576/),
      });
    }
    const each = (performance.now() - started) / 100;
    const grown = (process.memoryUsage().rss - before) / MIB;
    console.log(`10 MB refused in ${each.toFixed(1)} ms each, memory grown by ${grown.toFixed(0)} MB after 100`);
    expect(each).toBeLessThan(500);
    expect(grown).toBeLessThan(500);
    expect(await app.get<Broker>(getBrokerToken()).count!('weigh')).toBe(0);
  });

  it('does not hold up the others that are published with it', async () => {
    const { funq, events } = await boot({ providers: [Weigher] });
    const ended = collect(events, 'done', 2);
    const error = await funq
      .publishMany('weigh', [['a'], ['x'.repeat(2 * MIB)], ['bc']])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'FUNQ_PUBLISH_FAILED',
      message: expect.stringMatching(/^1 of 3 tasks for weigh/),
    });
    expect(((error as FunqError).cause as AggregateError).errors).toMatchObject([{ code: 'FUNQ_PAYLOAD_TOO_LARGE' }]);
    expect((await ended).map(({ value }) => value).toSorted()).toEqual([1, 2]);
  });

  it('is measured in bytes and not in characters', async () => {
    const { funq } = await boot({ providers: [Weigher] }, { maxPayload: 2000 });
    await funq.publish('weigh', ['x'.repeat(1500)]);
    await expect(funq.publish('weigh', ['ü'.repeat(1500)])).rejects.toMatchObject({ code: 'FUNQ_PAYLOAD_TOO_LARGE' });
  });

  it('goes to the dead letters unread when somebody else has sent it, and it is more than a copy may grow', async () => {
    const { app, events } = await boot({ providers: [Weigher] }, { maxPayload: 2000 });
    const broker = app.get<Broker>(getBrokerToken());
    const ends = Promise.all([events.next('dead'), events.next('done')]);
    await putRaw(broker, 'weigh', [bodyOf(3025), bodyOf(2000)]);
    const [{ letter }] = await ends;
    expect(letter).toMatchObject({
      code: 'refused',
      reason: 'the message has 3025 bytes, more than maxPayload of 2000',
    });
    const [body] = await bodies(broker, 'weigh.dead');
    expect(Buffer.from(codec.decodeDeadLetter(body!).raw!, 'base64')).toEqual(Buffer.from(bodyOf(3025)));
  });

  it('of 20 MB goes to the dead letters all the same', async () => {
    const { app, events } = await boot({ providers: [Weigher] });
    const dead = events.next('dead');
    await putRaw(app.get<Broker>(getBrokerToken()), 'weigh', [bodyOf(20 * MIB)]);
    expect((await dead).letter.raw).toHaveLength(Math.ceil((20 * MIB) / 3) * 4);
  });

  it('does not come of the errors that a task carries along', async () => {
    let runs = 0;
    class Failing {
      run(): never {
        throw new Error(`${++runs} ${'x'.repeat(7000)}`, { cause: new Error('y'.repeat(7000)) });
      }
    }
    const options = { queue: 'failing', retry: { times: 10, delay: '2s' } };
    Consumer(options)(Failing.prototype, 'run', Object.getOwnPropertyDescriptor(Failing.prototype, 'run')!);
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Failing] }, { maxPayload: 64_000, clock });
    const dead = events.next('dead');
    await funq.publish('failing', ['x'.repeat(40_000)]);
    for (let n = 0; n < 12; n++) await clock.advance(2000);
    expect((await dead).letter).toMatchObject({ code: 'failed', envelope: { attempt: 11 } });
    expect(runs).toBe(11);
  });

  it('is none when maxPayload is raised', async () => {
    const { funq, events } = await boot({ providers: [Weigher] }, { maxPayload: 16 * MIB });
    const text = 'x'.repeat(10 * MIB);
    expect((await done(events, () => funq.publish('weigh', [text]))).value).toBe(text.length);
    await expect(funq.ask('weigh', [text])).resolves.toBe(text.length);
  });

  it.each([
    ['200,000 keys', () => Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`k${n}`, n]))],
    ['500,000 lists', () => Array.from({ length: 500_000 }, () => [])],
    ['a large Buffer', () => Buffer.alloc(10 * MIB)],
    ['large headers', () => undefined],
  ])('may consist of %s', async (name, make) => {
    const { funq } = await boot({ providers: [Weigher] });
    const headers: Record<string, string> = name === 'large headers' ? { a: 'x'.repeat(2 * MIB) } : {};
    await expect(funq.publish('weigh', [make()], { headers })).rejects.toMatchObject({
      code: 'FUNQ_PAYLOAD_TOO_LARGE',
    });
  });
});
