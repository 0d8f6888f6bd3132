import { Injectable } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Consumer,
  CurrentTask,
  ResultInterceptor,
  currentTask,
  type ConsumerOptions,
  type PublishOptions,
  type Task,
  type TaskOverrides,
} from 'nestjs-funq';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect, dead, done } from '../support/app.js';

let runs = 0;
beforeEach(() => (runs = 0));

@Injectable()
class Plain {
  @Consumer()
  fail(): never {
    runs++;
    throw new Error('no');
  }
  @Consumer()
  hang(@CurrentTask() { signal }: Task): Promise<void> {
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
  @Consumer()
  count(_of: string): number {
    return ++runs;
  }
}

const ALL: ConsumerOptions = {
  retry: { times: 2, when: () => true },
  timeout: '5s',
  filter: { ttl: '1h', key: (of: string) => of.toLowerCase() },
  expire: '30s',
  rate: { starts: 1, per: '10s' },
  persist: 'result',
  deadLetter: 'grave',
  maxDeliveries: 7,
};

@Injectable()
class Full {
  @Consumer({ queue: 'full', ...ALL })
  policy(_of = 'x'): Task['policy'] {
    runs++;
    policies.push(currentTask()!.policy);
    return undefined as never;
  }
  @Consumer({ queue: 'failing', ...ALL, rate: false })
  fail(_of = 'x'): never {
    runs++;
    throw new Error('no');
  }
}
const policies: Task['policy'][] = [];

const stores = (): {
  results: ReturnType<typeof memoryResults>;
  coordination: ReturnType<typeof memoryCoordination>;
} => ({
  results: memoryResults(),
  coordination: memoryCoordination(),
});

describe('a task can switch a control on that its consumer lacks', () => {
  it('retry', async () => {
    const { funq, events } = await boot({ providers: [Plain] });
    await dead(events, () => funq.to(Plain, { retry: 3 }).fail());
    expect(runs).toBe(4);
    await dead(events, () => funq.to(Plain).fail());
    expect(runs).toBe(5);
  });

  it('timeout', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Plain] }, { clock });
    const started = events.next('started');
    const ended = events.next('dead');
    await funq.to(Plain, { timeout: '3s' }).hang();
    await started;
    await clock.advance(3000);
    expect((await ended).letter.code).toBe('timeout');
  });

  it('expire', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Plain] }, { clock });
    const expired = events.next('expired');
    await funq.to(Plain, { expire: '3s', delay: '4s' }).count('x');
    await clock.advance(4000);
    expect((await expired).reason).toBe('published 4000 ms ago, more than its expire of 3000 ms');
    expect(runs).toBe(0);
  });

  it('filter', async () => {
    const { funq, events } = await boot({ providers: [Plain] }, { stores: stores() });
    await done(events, () => funq.to(Plain, { filter: true }).count('x'));
    const filtered = events.next('filtered');
    await funq.to(Plain, { filter: true }).count('x');
    await filtered;
    await done(events, () => funq.to(Plain, { filter: true }).count('y'));
    await done(events, () => funq.to(Plain).count('x'));
    expect(runs).toBe(3);
  });

  it('rate', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot({ providers: [Plain] }, { clock });
    const at: number[] = [];
    events.on('done', () => void at.push(clock.monotonic()));
    await Promise.all(['a', 'b', 'c'].map((of) => funq.to(Plain, { rate: { starts: 1, per: '2s' } }).count(of)));
    await clock.advance(10_000);
    expect(at).toEqual([0, 2000, 4000]);
  });

  it('persist', async () => {
    const { results, coordination } = stores();
    const { funq, events, app } = await boot({ providers: [Plain] }, { stores: { results, coordination } });
    await done(events, () => funq.to(Plain, { id: 'kept', persist: 'status' }).count('x'));
    await done(events, () => funq.to(Plain, { id: 'not' }).count('x'));
    await app.get(ResultInterceptor).flush();
    expect([(await results.find('kept'))?.status, await results.find('not')]).toEqual(['done', undefined]);
  });

  it('another dead-letter queue', async () => {
    const { funq, events } = await boot({ providers: [Plain] });
    expect((await dead(events, () => funq.to(Plain, { deadLetter: 'elsewhere' }).fail())).deadLetter).toBe('elsewhere');
  });
});

describe('a task can switch a control off that its consumer has', () => {
  async function policyOf(options: PublishOptions): Promise<Task['policy']> {
    const { funq, events } = await boot({ providers: [Full] }, { stores: stores() });
    await done(events, () => funq.to(Full, options).policy('x'));
    return policies.at(-1)!;
  }

  it.each<[keyof TaskOverrides, TaskOverrides]>([
    ['retry', { retry: 0 }],
    ['retry', { retry: false }],
    ['retry', { retry: { times: 0 } }],
    ['timeout', { timeout: false }],
    ['timeout', { timeout: 0 }],
    ['filter', { filter: false }],
    ['expire', { expire: false }],
    ['expire', { expire: 0 }],
    ['rate', { rate: false }],
    ['rate', { rate: 0 }],
    ['persist', { persist: false }],
    ['deadLetter', { deadLetter: false }],
  ])('%s by %o', async (name, override) => {
    const policy = await policyOf(override);
    expect(policy[name]).toBeUndefined();
    const others = Object.keys(ALL).filter((key) => key !== name) as (keyof TaskOverrides)[];
    for (const other of others) expect(policy[other], other).toBeDefined();
  });

  it('and undefined inherits', async () => {
    const inherit = Object.fromEntries(Object.keys(ALL).map((key) => [key, undefined]));
    const { retry, timeout, filter, expire, rate, persist, deadLetter, maxDeliveries } = await policyOf(inherit);
    expect([retry?.times, timeout, filter?.ttl, expire]).toEqual([2, 5000, 3_600_000, 30_000]);
    expect([rate?.interval, persist?.result, deadLetter, maxDeliveries]).toEqual([10_000, true, 'grave', 7]);
  });

  it('with what the consumer alone can say kept: functions', async () => {
    const { filter, retry } = await policyOf({ filter: { ttl: '2h' }, retry: { times: 9, delay: '1s' } });
    expect([filter?.ttl, typeof filter?.key]).toEqual([7_200_000, 'function']);
    expect([retry?.times, retry?.delay, typeof retry?.when]).toEqual([9, 1000, 'function']);
  });

  it('and it works', async () => {
    const { funq, events } = await boot({ providers: [Full] }, { stores: stores() });
    const drops = collect(events, 'dead', 2);
    await funq.to(Full, { retry: 0, filter: false, deadLetter: false }).fail();
    await funq.to(Full, { filter: false }).fail();
    const [off, on] = await drops;
    expect([off!.task?.attempt, off!.deadLetter, on!.task?.attempt, on!.deadLetter]).toEqual([
      1,
      undefined,
      3,
      'grave',
    ]);
    expect(runs).toBe(4);
  });
});

describe('an override that can not work', () => {
  it.each<[string, PublishOptions, string]>([
    ['out of range', { retry: -1 }, 'task for Plain.count: retry is -1'],
    ['unknown', { concurrency: 3 } as PublishOptions, 'task for Plain.count: concurrency is 3, but is unknown'],
    ['a function', { retry: { times: 1, when: () => true } }, "retry holds a function, which can't travel"],
    ['a function of arguments', { filter: { key: () => 'x' } }, "filter holds a function, which can't travel"],
    ['no duration', { timeout: 'soon' }, 'task for Plain.count: timeout is "soon"'],
  ])('is refused before anything is sent: %s', async (_name, options, message) => {
    const { funq, events } = await boot({ providers: [Plain] });
    let published = 0;
    events.on('published', () => void published++);
    await expect(funq.to(Plain, options).count('x')).rejects.toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
      message: expect.stringContaining(message) as string,
    });
    await expect(funq.ask(Plain, options).count('x')).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
    expect(published).toBe(0);
  });

  it.each<[string, TaskOverrides]>([
    ['filter', { filter: true }],
    ["rate.scope 'shared'", { rate: { starts: 1, scope: 'shared' } }],
  ])('for want of a store is a dead letter that says so: %s', async (what, options) => {
    const { funq, events } = await boot({ providers: [Plain] });
    const { letter } = await dead(events, () => funq.to(Plain, { ...options, retry: 3 }).count('x'));
    expect(letter.reason).toContain(`Plain.count: ${what} needs a store: FunqModule.forRoot({ stores: { coordination`);
    expect(letter.errors).toMatchObject([{ code: 'FUNQ_STORE_MISSING' }]);
    expect(runs).toBe(0);
  });

  it('for want of a result store is told, and the task runs all the same', async () => {
    const { funq, events } = await boot({ providers: [Plain] });
    const dropped = events.next('resultsDropped');
    await done(events, () => funq.to(Plain, { persist: 'result' }).count('x'));
    expect(await dropped).toMatchObject({ count: 1, error: { code: 'FUNQ_STORE_MISSING' } });
    expect(runs).toBe(1);
  });
});
