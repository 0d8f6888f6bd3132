import { Injectable } from '@nestjs/common';
import { Consumer, JsonCodec, getBrokerToken, type Broker, type DeadLetter } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { describe, expect, it } from 'vitest';
import { faulty } from '../core/faulty-broker.js';
import { boot } from '../nest/support/app.js';
import { bodies, putRaw } from './queues.js';

const codec = new JsonCodec();
const seed = Number(process.env['FUNQ_SEED'] ?? process.pid);

@Injectable()
class Mixed {
  readonly seen: unknown[] = [];
  broken = false;

  @Consumer({ queue: 'mixed' })
  run(value: unknown): void {
    if (this.broken) throw new Error('not yet');
    this.seen.push(value);
  }
}

describe('a queue with bodies that are no tasks', () => {
  it(`puts 1,000 of them away as they are and does the 1,000 tasks between them (seed ${seed})`, async () => {
    let handedOut = 0;
    const broker = faulty(memory(), {
      receive: async (next, max, signal) => {
        const deliveries = await next(max, signal);
        handedOut += deliveries.length;
        return deliveries;
      },
    });
    const { app, events } = await boot({ providers: [Mixed] }, { brokers: { default: broker } });
    const wrong: unknown[] = [];
    for (const name of ['settleFailed', 'failed', 'brokerError', 'leaseLost'] as const)
      events.on(name, (event) => void wrong.push([name, event]));
    let ended = 0;
    const one = (): boolean => ++ended === 2000;
    const all = Promise.race([events.next('done', one), events.next('dead', one)]);

    const blobs = garbage(1000, seed);
    const mixed = blobs.flatMap((blob, n) => [blob, task(n)]);
    await putRaw(broker, 'mixed', mixed);
    await all;

    expect(app.get(Mixed).seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(blobs.map((_, n) => n));
    expect(wrong).toEqual([]);
    expect(handedOut).toBe(2000);
    expect(await broker.count!('mixed')).toBe(0);
    const letters = await deadLetters(broker, 'mixed.dead');
    expect(new Set(letters.map(({ code }) => code))).toEqual(new Set(['undecodable']));
    expect(letters.map(({ raw }) => raw).toSorted()).toEqual(blobs.map((blob) => blob.toString('base64')).toSorted());
  });

  it('can be given the raw bytes again', async () => {
    const { app, events } = await boot({ providers: [Mixed] });
    const broker = app.get<Broker>(getBrokerToken());
    const blob = Buffer.from([0, 255, 10, 13]);
    for (let round = 0; round < 3; round++) {
      const dead = events.next('dead');
      await putRaw(broker, 'mixed', [
        round === 0 ? blob : Buffer.from((await deadLetters(broker, 'mixed.dead'))[0]!.raw!, 'base64'),
      ]);
      expect((await dead).letter).toMatchObject({
        code: 'undecodable',
        queue: 'mixed',
        errors: [],
        raw: blob.toString('base64'),
      });
    }
  });

  it('can be given a task again that died there', async () => {
    const { app, events, funq } = await boot({ providers: [Mixed] });
    const broker = app.get<Broker>(getBrokerToken());
    const consumer = app.get(Mixed);
    consumer.broken = true;
    const dead = events.next('dead');
    const value = { at: new Date(5), map: new Map([[1n, Buffer.from('x')]]) };
    await funq.publish('mixed', [value], { id: 'again', headers: { a: 'b' }, priority: 3 });
    await dead;
    consumer.broken = false;
    const [letter] = await deadLetters(broker, 'mixed.dead');
    const done = events.next('done');
    await putRaw(broker, 'mixed', [codec.encode({ ...letter!.envelope!, attempt: 1 })]);
    expect((await done).task).toMatchObject({ id: 'again', headers: { a: 'b' }, attempt: 1 });
    expect(consumer.seen).toEqual([value]);
  });

  it.each([
    ['the dead letters are off', false, undefined],
    ['they have another name', 'parked', 'parked'],
  ])('when %s, tells where the body went', async (_name, deadLetter, kept) => {
    class Other {
      run(): void {}
    }
    Consumer({ queue: 'other', deadLetter })(
      Other.prototype,
      'run',
      Object.getOwnPropertyDescriptor(Other.prototype, 'run')!,
    );
    const { app, events } = await boot({ providers: [Other] });
    const broker = app.get<Broker>(getBrokerToken());
    const dead = events.next('dead');
    await putRaw(broker, 'other', ['x']);
    const event = await dead;
    expect(event).toMatchObject({ queue: 'other', deadLetter: kept, letter: { raw: 'eA==' } });
    expect(event.task).toBeUndefined();
    expect(await broker.count!('other')).toBe(0);
    expect(await broker.count!('other.dead')).toBe(0);
    expect(await broker.count!('parked')).toBe(kept ? 1 : 0);
  });
});

async function deadLetters(broker: Broker, queue: string): Promise<DeadLetter[]> {
  return (await bodies(broker, queue)).map((body) => codec.decodeDeadLetter(body));
}

function task(n: number): Uint8Array {
  return codec.encode({ v: 1, id: `task-${n}`, args: [n], publishedAt: 0, attempt: 1 });
}

/** Bodies of every sort that can't be read. */
function garbage(count: number, start: number): Buffer[] {
  let state = start;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const bytes = (): Buffer => Buffer.from(Array.from({ length: random(500) }, () => random(256)));
  const sorts = [
    bytes,
    () => Buffer.concat([Buffer.from([0xff]), bytes()]),
    () => Buffer.from(task(random(1000))).subarray(0, random(40)),
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), task(random(1000))]),
    () => Buffer.from(JSON.stringify({ pattern: 'cats', data: random(1000) })),
    () => Buffer.from(Buffer.from(task(random(1000))).toString(), 'utf16le'),
    () => Buffer.from('['.repeat(random(5000))),
    () => Buffer.from(JSON.stringify([random(9), null, 'x'])),
  ];
  return Array.from({ length: count }, (_, n) => sorts[n % sorts.length]!());
}
