import { Injectable } from '@nestjs/common';
import { Consumer, CurrentTask, JsonCodec, type Broker, type Envelope, type Task } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { boot, turns, type Booted } from '../nest/support/app.js';
import { faulty } from '../core/faulty-broker.js';
import { bodies, putRaw } from './queues.js';

const task = (id: string, fields: object = {}): string =>
  JSON.stringify({ v: 1, id, args: [id], publishedAt: 0, attempt: 1, ...fields });

describe('two processes with different options for one queue', () => {
  const ran: [string, string][] = [];

  @Injectable()
  class First {
    @Consumer({ queue: 'shared', concurrency: 4, retry: 3 })
    run(id: string): void {
      ran.push(['first', id]);
      throw new Error('no');
    }
    @Consumer({ queue: 'equal', concurrency: 4, timeout: '1s' })
    equal(): void {}
  }

  @Injectable()
  class Second {
    @Consumer({ queue: 'shared', concurrency: 8, retry: 0 })
    run(id: string): void {
      ran.push(['second', id]);
      throw new Error('no');
    }
  }

  it('are told of it once each, and each task obeys who took it', async () => {
    const clock = new ManualClock();
    const queues: MemoryQueues = new Map();
    const coordination = Object.defineProperty(memoryCoordination(), 'shared', { value: true });
    const options = () => ({ clock, brokers: { default: memory({ queues }) }, stores: { coordination } });
    const apps = [await boot({ providers: [First] }, options()), await boot({ providers: [Second] }, options())];
    const told: object[] = [];
    apps[0]!.events.on('mismatch', (event) => void told.push(event));
    let dead = 0;
    for (const { events } of apps) events.on('dead', () => void dead++);
    await apps[0]!.funq.publishMany(
      'shared',
      Array.from({ length: 300 }, (_, n) => [`task-${n}`]),
    );
    for (let second = 0; second < 60; second++) await clock.advance(1000);

    // The second learns of it while it starts, so its line in the log is counted; both apps write to the newest one's.
    expect(apps[1]!.log.find('is consumed with other options')).toHaveLength(2);
    expect(told).toMatchObject([{ queue: expect.stringContaining('shared'), pid: process.pid }]);

    expect(dead).toBe(300);
    const runs = new Map<string, string[]>();
    for (const [who, id] of ran) runs.set(id, [...(runs.get(id) ?? []), who]);
    expect(runs.size).toBe(300);
    for (const by of runs.values()) expect(by).toEqual(by[0] === 'first' ? Array(4).fill('first') : ['second']);
    expect(new Set([...runs.values()].map((by) => by[0]))).toEqual(new Set(['first', 'second']));
  });
});

describe('a message that only a newer version can read', () => {
  @Injectable()
  class Service {
    readonly seen: unknown[] = [];
    failures = 0;
    @Consumer({ queue: 'work', concurrency: 4 })
    run(value: unknown, @CurrentTask() { envelope }: Task): void {
      if (this.failures-- > 0) throw new Error('once');
      this.seen.push([value, envelope]);
    }
  }

  /** What the next release may look like. */
  class NewerCodec extends JsonCodec {
    override decode(body: Uint8Array): Envelope {
      const text = Buffer.from(body).toString();
      return super.decode(Buffer.from(text.replace('"v":2', '"v":1').replace('"arguments"', '"args"')));
    }
  }
  const newer = (id: string): string => task(id).replace('"v":1', '"v":2').replace('"args"', '"arguments"');

  async function start(
    broker: Broker,
    clock: ManualClock,
    ofNewer = false,
  ): Promise<Booted & { service: Service; counts: Record<string, number> }> {
    const booted = await boot(
      { providers: [Service] },
      { clock, brokers: { default: broker }, ...(ofNewer && { codec: new NewerCodec() }) },
    );
    const counts: Record<string, number> = { done: 0, dead: 0, newerVersion: 0, settleFailed: 0 };
    for (const name of ['done', 'dead', 'newerVersion', 'settleFailed'] as const)
      booted.events.on(name, () => void counts[name]!++);
    return { ...booted, service: booted.app.get(Service), counts };
  }

  it('waits in its queue while the others flow, until such a process takes it', async () => {
    const clock = new ManualClock();
    const queues: MemoryQueues = new Map();
    const old = await start(memory({ queues }), clock);
    const broker = memory({ queues });
    await broker.connect({ clock });
    const ids = Array.from({ length: 100 }, (_, n) => `task-${n}`);
    await putRaw(
      broker,
      'work',
      ids.flatMap((id) => [newer(`newer-${id}`), task(id)]),
    );
    await turns();
    expect(old.counts).toEqual({ done: 100, dead: 0, newerVersion: 100, settleFailed: 0 });
    // Not in a hot loop: again after a while only, and again.
    await clock.advance(4000);
    expect(old.counts).toMatchObject({ newerVersion: 100 });
    for (let second = 4; second < 12; second++) await clock.advance(1000).then(() => turns(200));
    expect(old.counts).toMatchObject({ newerVersion: 300, dead: 0 });
    await old.close();

    const modern = await start(memory({ queues }), clock, true);
    await clock.advance(5000);
    await turns(200);
    expect(modern.counts).toEqual({ done: 100, dead: 0, newerVersion: 0, settleFailed: 0 });
    expect(modern.service.seen.map((run) => (run as [string])[0]).toSorted()).toEqual(
      ids.map((id) => `newer-${id}`).toSorted(),
    );
  });

  it('is given back as it was where the broker has no delay', async () => {
    const clock = new ManualClock();
    const queues: MemoryQueues = new Map();
    const old = await start(faulty(memory({ queues }), { features: { delay: false } }), clock);
    const broker = memory({ queues });
    await broker.connect({ clock });
    await putRaw(broker, 'work', [newer('a'), task('b')]);
    await turns();
    expect(old.counts).toMatchObject({ done: 1, newerVersion: 1, dead: 0 });
    await clock.advance(12_000);
    expect(old.counts['newerVersion']).toBeGreaterThan(1);
    expect(old.counts['newerVersion']).toBeLessThan(5);
    await old.close();
    expect((await bodies(broker, 'work')).map((body) => Buffer.from(body).toString())).toEqual([newer('a')]);
  });

  it('is told from one with fields that this version does not know, which are kept through a retry', async () => {
    const clock = new ManualClock();
    const queues: MemoryQueues = new Map();
    const { service, counts, events } = await start(memory({ queues }), clock);
    const broker = memory({ queues });
    await broker.connect({ clock });
    service.failures = 1;
    const retried = events.next('retried');
    const options = { retry: { times: 1, delay: '2s' } };
    await putRaw(broker, 'work', [task('a', { options, trace: { parent: ['x'] }, tenant: 'blue' })]);
    await retried;
    await clock.advance(2000);
    expect(counts).toMatchObject({ done: 1, newerVersion: 0, dead: 0 });
    expect(service.seen).toMatchObject([['a', { trace: { parent: ['x'] }, tenant: 'blue', attempt: 2 }]]);
  });
});
