import { Injectable } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import {
  Consumer,
  CurrentTask,
  FunqPublisher,
  getBrokerToken,
  type Broker,
  type ConsumerOptions,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { BrokerRegistry } from '../../../lib/nest/broker.registry.js';
import { ConsumerRunner } from '../../../lib/nest/consuming/consumer.runner.js';
import { boot, signal, turns, type Booted, type Options } from '../support/app.js';

type Queues = NonNullable<NonNullable<Parameters<typeof memory>[0]>['queues']>;

interface Stopping extends Booted {
  readonly clock: ManualClock;
  readonly queues: Queues;
  readonly ran: string[];
  /** Waiting messages, as another process would find them. */
  count(queue: string): Promise<number>;
}

/** What the method does with a task of each name. */
let act: (name: string, task: Task, funq: FunqPublisher) => unknown;

async function stopping(options: ConsumerOptions, module: Options = {}): Promise<Stopping> {
  const clock = new ManualClock();
  const queues: Queues = new Map();
  const ran: string[] = [];
  @Injectable()
  class Job {
    constructor(private readonly funq: FunqPublisher) {}
    @Consumer({ queue: 'jobs', ...options })
    async run(name: string, @CurrentTask() task: Task): Promise<unknown> {
      ran.push(name);
      return act(name, task, this.funq);
    }
  }
  const brokers = { default: memory({ queues }) };
  const booted = await boot({ providers: [Job] }, { clock, brokers, ...module });
  const other = memory({ queues });
  await other.connect({ clock });
  return { ...booted, clock, queues, ran, count: (queue) => other.count!(queue) };
}

describe('at shutdown', () => {
  it('nothing more is fetched; what runs may end and publish', async () => {
    const open = signal();
    const { funq, events, app, ran, count, clock } = await stopping({ concurrency: 1 });
    act = async (_name, _task, publisher) => {
      await open.promise;
      return publisher.publish('follow-up');
    };
    const started = events.next('started');
    const done = events.next('done');
    await funq.publishMany('jobs', [['one'], ['two']]);
    await started;
    const closed = app.close();
    await turns();
    await funq.publish('jobs', ['three']);
    await clock.advance(1000);
    open.resolve();
    await closed;
    expect((await done).task.args).toEqual(['one']);
    expect([ran, await count('jobs'), await count('follow-up')]).toEqual([['one'], 2, 1]);
  });

  it('what waits for its rate goes back at once, uncounted, in its old place', async () => {
    const { funq, events, app, clock, queues, ran } = await stopping({
      rate: { starts: 1, per: '1h' },
      concurrency: 10,
    });
    act = () => undefined;
    const done = events.next('done');
    const released: string[] = [];
    events.on('released', ({ task }) => void released.push(task.id));
    for (const id of ['a', 'b', 'c']) await funq.publish('jobs', [id], { id });
    await done;
    await turns();
    await app.close();
    expect(clock.monotonic()).toBe(0);
    // No more is fetched than starts soon: 'c' was left to other processes.
    expect([ran, released]).toEqual([['a'], ['b']]);
    const next = memory({ queues });
    await next.connect({ clock });
    const subscription = await next.subscribe('jobs', { prefetch: 9, lease: 1000 });
    const deliveries = await subscription.receive(9, new AbortController().signal);
    expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([0, 0]);
    expect(deliveries.map(({ body }) => /"id":"(.)"/.exec(Buffer.from(body).toString())?.[1])).toEqual(['b', 'c']);
    await subscription.close();
  });

  it('what waits for its next run in place goes back with the runs that it had', async () => {
    const { funq, events, app, queues, clock } = await stopping({ retry: { times: 3, delay: 900 } });
    act = () => {
      throw new Error('no');
    };
    const failed = events.next('failed');
    await funq.publish('jobs', ['x']);
    await failed;
    await turns();
    await app.close();
    const seen: unknown[] = [];
    @Injectable()
    class Other {
      @Consumer('jobs')
      run(_name: string, @CurrentTask() { attempt, errors }: Task): void {
        seen.push(
          attempt,
          errors.map(({ message }) => message),
        );
      }
    }
    const other = await boot({ providers: [Other] }, { clock, brokers: { default: memory({ queues }) } });
    const done = other.events.next('done');
    await clock.advance(1000);
    await done;
    expect(seen).toEqual([2, ['no']]);
  });

  it('what does not end within the grace has its signal aborted, and goes back uncounted if it stops then', async () => {
    const { funq, events, app, clock, count, queues } = await stopping(
      { retry: 5, timeout: '1h' },
      { shutdownGrace: '7s' },
    );
    const aborted: unknown[] = [];
    act = (_name, { signal: stop }) =>
      new Promise((_resolve, reject) => {
        stop.addEventListener('abort', () => {
          aborted.push([clock.monotonic(), (stop.reason as { code?: string }).code]);
          reject(stop.reason as Error);
        });
      });
    const started = events.next('started');
    const ends: string[] = [];
    for (const name of ['failed', 'dead', 'retried', 'released', 'done'] as const)
      events.on(name, () => void ends.push(name));
    await funq.publish('jobs', ['slow']);
    await started;
    let closed = false;
    const closing = app.close().then(() => (closed = true));
    await clock.advance(6999);
    expect([closed, aborted]).toEqual([false, []]);
    await clock.advance(1);
    await closing;
    expect(aborted).toEqual([[7000, 'FUNQ_SHUTDOWN']]);
    expect([ends, await count('jobs')]).toEqual([['released'], 1]);
    expect(queues.size).toBe(1);
  });

  it('what ends well after its signal aborted is done', async () => {
    const { funq, events, app, clock, count } = await stopping({}, { shutdownGrace: '1s' });
    act = (_name, { signal: stop }) =>
      new Promise((resolve) => stop.addEventListener('abort', () => resolve('saved in time')));
    const started = events.next('started');
    const done = events.next('done');
    await funq.publish('jobs', ['x']);
    await started;
    const closing = app.close();
    await clock.advance(1000);
    await closing;
    expect([(await done).value, await count('jobs')]).toEqual(['saved in time', 0]);
  });

  it('what does not even then end goes back a second later, and what it does afterwards is ignored', async () => {
    const late = signal<string>();
    const { funq, events, app, clock, count } = await stopping({}, { shutdownGrace: '1s' });
    act = () => late.promise;
    const started = events.next('started');
    const released = events.next('released');
    const ignored = events.next('late');
    const done = vi.fn();
    events.on('done', done);
    await funq.publish('jobs', ['x']);
    await started;
    const closing = app.close();
    await clock.advance(2000);
    await closing;
    await released;
    expect(await count('jobs')).toBe(1);
    late.resolve('too late');
    expect((await ignored).value).toBe('too late');
    await turns();
    expect([done.mock.calls.length, await count('jobs')]).toEqual([0, 1]);
  });

  it('all workers drain at the same time, within one grace', async () => {
    const clock = new ManualClock();
    @Injectable()
    class Many {
      @Consumer()
      one(): Promise<void> {
        return clock.sleep(5000);
      }
      @Consumer()
      two(): Promise<void> {
        return clock.sleep(6000);
      }
      @Consumer({ broker: 'other' })
      three(): Promise<void> {
        return clock.sleep(7000);
      }
    }
    const { funq, events, app } = await boot(
      { providers: [Many] },
      { clock, brokers: { default: memory(), other: memory() }, shutdownGrace: '8s' },
    );
    const ended: string[] = [];
    events.on('done', ({ task }) => void ended.push(task.queue));
    await Promise.all([funq.to(Many).one(), funq.to(Many).two(), funq.to(Many).three()]);
    await turns();
    const closing = app.close();
    await clock.advance(7000);
    await closing;
    expect(ended).toEqual(['Many.one', 'Many.two', 'Many.three']);
  });

  it('a caller is still answered while its task drains, and told when the app that asks closes', async () => {
    const open = signal();
    const { funq, events, app } = await stopping({});
    act = () => open.promise.then(() => 'answer');
    const started = events.next('started');
    const asked = funq.ask('jobs', ['x']);
    await started;
    const closing = app.close();
    await turns();
    open.resolve();
    expect(await asked).toBe('answer');
    await closing;
  });

  it('results are written before the stores close, and brokers close last', async () => {
    const order: string[] = [];
    const spied = <T extends object>(name: string, target: T, verbs: readonly (keyof T)[]): T => {
      for (const verb of verbs) {
        const real = target[verb] as (...args: unknown[]) => unknown;
        Object.assign(target, {
          [verb]: (...args: unknown[]) => {
            order.push(`${name}.${String(verb)}`);
            return real.apply(target, args);
          },
        });
      }
      return target;
    };
    const results = spied('results', memoryResults(), ['save', 'close']);
    const coordination = spied('coordination', memoryCoordination(), ['close']);
    const queues: Queues = new Map();
    const inner = memory({ queues });
    const broker: Broker = spied(
      'broker',
      {
        ...inner,
        subscribe: async (queue: string, options: Parameters<Broker['subscribe']>[1]) =>
          spied('subscription', await inner.subscribe(queue, options), ['ack', 'close']),
      },
      ['publish', 'close'],
    );
    const { funq, app, events } = await stopping(
      { persist: 'status' },
      { brokers: { default: broker }, stores: { results, coordination } },
    );
    const open = signal();
    act = async (_name, _task, publisher) => {
      await open.promise;
      await publisher.publish('follow-up');
    };
    const started = events.next('started');
    await funq.publish('jobs', ['x']);
    await started;
    order.length = 0;
    const closing = app.close();
    await turns();
    expect(order).toEqual([]);
    open.resolve();
    await closing;
    expect(order.slice(0, 4)).toEqual(['broker.publish', 'subscription.ack', 'subscription.close', 'results.save']);
    expect(order.slice(4).toSorted()).toEqual(['broker.close', 'coordination.close', 'results.close']);
  });

  it('what was given back has its record', async () => {
    const results = memoryResults();
    const saved = vi.spyOn(results, 'save');
    const { funq, events, app, clock } = await stopping(
      { persist: 'status' },
      { stores: { results }, shutdownGrace: 0 },
    );
    act = () => new Promise(() => undefined);
    const started = events.next('started');
    await funq.publish('jobs', ['x'], { id: 'x' });
    await started;
    const closing = app.close();
    await clock.advance(1000);
    await closing;
    expect(saved.mock.calls.flatMap(([list]) => list)).toMatchObject([{ id: 'x', status: 'released' }]);
  });

  it('closing a second time, or while it closes, is harmless', async () => {
    const { app, funq, events } = await stopping({});
    act = () => turns(10);
    const started = events.next('started');
    await funq.publish('jobs', ['x']);
    await started;
    await Promise.all([app.close(), app.close()]);
    await app.close();
    // Nest 11 calls the hooks each time, also at the same time.
    const [runner, brokers] = [app.get(ConsumerRunner, { strict: false }), app.get(BrokerRegistry)];
    expect(runner.onModuleDestroy()).toBe(runner.onModuleDestroy());
    expect(brokers.onApplicationShutdown()).toBe(brokers.onApplicationShutdown());
  });

  it('a broker that fails to close holds nobody up', async () => {
    const clock = new ManualClock();
    const failing: Broker = { ...memory(), close: () => Promise.reject(new Error('no')) };
    const hanging: Broker = { ...memory(), close: () => new Promise(() => undefined) };
    const fine = memory();
    const closed = vi.spyOn(fine, 'close');
    const { app } = await boot({}, { clock, brokers: { default: fine, failing, hanging } });
    const closing = app.close();
    await turns();
    await clock.advance(10_000);
    await closing;
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('what goes on publishing all the while holds nobody up', async () => {
    const clock = new ManualClock();
    const inner = memory();
    const slow: Broker = {
      ...inner,
      publish: async (queue, messages) => {
        await clock.sleep(10);
        return inner.publish(queue, messages);
      },
    };
    const { app, funq } = await boot({}, { clock, brokers: { default: slow } });
    const outcomes: unknown[] = [];
    const stop = clock.every(1, () => {
      funq.publish('ticks').then(
        () => outcomes.push('stored'),
        (error: { code?: string }) => outcomes.push(error.code),
      );
    });
    await clock.advance(50);
    let closed = false;
    const closing = app.close().then(() => (closed = true));
    await clock.advance(1000);
    stop();
    expect(closed).toBe(true);
    await clock.advance(1000);
    await closing;
    expect(outcomes).toContain('stored');
    expect(outcomes.at(-1)).toBe('FUNQ_CLOSED');
  });

  it('no timer and no listener is left behind', async () => {
    const listeners = (): number => process.listenerCount('uncaughtExceptionMonitor');
    const before = listeners();
    const { clock, app, funq, events } = await stopping(
      { rate: 5, timeout: '1h', retry: 2, filter: true, persist: 'result', window: { allow: '00:00-24:00' } },
      { stores: { results: memoryResults(), coordination: memoryCoordination() } },
    );
    act = () => undefined;
    const done = events.next('done');
    await funq.publish('jobs', ['x']);
    await done;
    const asked = funq.ask('jobs', ['y']);
    await turns();
    await clock.advance(1000);
    expect(await asked).toBeUndefined();
    expect(listeners()).toBeGreaterThan(before);
    await app.close();
    expect([clock.pending, listeners()]).toEqual([0, before]);
    expect(app.get<Broker>(getBrokerToken())).toBeDefined();
  });
});
