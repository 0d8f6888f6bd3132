import { Consumer, FunqModule, RequeueError, getBrokerToken, type Broker, type ConsumerOptions } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { faulty } from '../core/faulty-broker.js';
import { boot, refused, turns, type Options } from '../nest/support/app.js';
import { HOSTILE, NASTY } from './nasty.js';
import { putRaw } from './queues.js';

function consumer(options: ConsumerOptions, run: (...args: never[]) => unknown): new () => object {
  class Service {}
  Object.defineProperty(Service.prototype, 'run', { value: run, configurable: true, writable: true });
  Consumer(options)(Service.prototype, 'run', Object.getOwnPropertyDescriptor(Service.prototype, 'run')!);
  return Service;
}

async function start(options: ConsumerOptions, run: (...args: never[]) => unknown, rest: Options = {}) {
  const clock = new ManualClock();
  const booted = await boot(
    { providers: [consumer({ queue: 'work', ...options }, run)] },
    { clock, shutdownGrace: 0, ...rest },
  );
  const names: string[] = [];
  for (const name of [
    'done',
    'dead',
    'failed',
    'filtered',
    'requeued',
    'retried',
    'settleFailed',
    'resultsDropped',
    'storeError',
  ] as const)
    booted.events.on(name, () => void names.push(name));
  return { ...booted, clock, names, broker: booted.app.get<Broker>(getBrokerToken()) };
}

/** Found by looking for trouble. `it.fails` says what should be, and turns red when it is mended. */
describe('known defects', () => {
  const hostile = NASTY.filter(([name]) => HOSTILE.includes(name));

  it.each(hostile)('%s that is thrown is retried', async (_name, make) => {
    const { funq, names } = await start({ retry: 1 }, () => {
      throw make();
    });
    await funq.publish('work');
    await turns(50);
    expect(names).toEqual(['failed', 'failed', 'dead']);
  });

  it('a task of exactly maxPayload is retried by way of the broker', async () => {
    let runs = 0;
    const fail = (): never => {
      throw new Error(`run ${++runs}`);
    };
    const { funq, clock, events } = await start({ retry: { times: 1, delay: '2s' } }, fail, { maxPayload: 2000 });
    for (let length = 1990; ; length--) {
      // The longest that is accepted.
      const sent = await funq.publish('work', ['x'.repeat(length)]).catch(() => undefined);
      if (sent) break;
    }
    const dead = events.next('dead');
    await clock.advance(2000);
    expect((await dead).letter.code).toBe('failed');
    expect(runs).toBe(2);
  });

  it('consume: null is refused', async () => {
    await refused(() => FunqModule.forRoot({ brokers: { default: memory() }, consume: null as never }));
  });

  it.each([undefined, null, {}, 5, ''])(
    'a filter whose key() gives %s does not take different tasks for equal',
    async (key) => {
      const options: ConsumerOptions = { filter: { key: () => key as string } };
      const { funq, names } = await start(options, () => undefined, { stores: { coordination: memoryCoordination() } });
      await funq.publish('work', [1]);
      await funq.publish('work', [2]);
      await turns(50);
      expect(names).not.toContain('filtered');
    },
  );

  it.each([NaN, -1, 'soon', Infinity])(
    'RequeueError refuses a delay of %s, and its task dies with the reason',
    async (delay) => {
      let runs = 0;
      const { funq, names } = await start({}, () => {
        if (++runs < 20) throw new RequeueError({ delay: delay as number });
      });
      await funq.publish('work');
      await turns(50);
      expect(names).toEqual(['dead']);
    },
  );

  it('RequeueError takes a duration in words, like every other delay', async () => {
    let runs = 0;
    const { funq, names, clock } = await start({}, () => {
      if (++runs === 1) throw new RequeueError({ delay: '10s' as never });
    });
    await funq.publish('work');
    await turns(50);
    expect(names).toEqual(['requeued']);
    await clock.advance(10_000);
    expect(runs).toBe(2);
  });

  it('a retry.when that throws does not hide why the task failed', async () => {
    const when = (): never => {
      throw new TypeError('in when');
    };
    const { funq, events } = await start({ retry: { times: 2, when } }, () => {
      throw new Error('the reason');
    });
    const dead = events.next('dead');
    await funq.publish('work');
    expect((await dead).letter.errors.map(({ message }) => message)).toContain('the reason');
  });

  it('publishMany of no list is refused with a code', async () => {
    const { funq } = await start({}, () => undefined);
    await expect(funq.publishMany('work', null as never)).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
  });

  it('to() of no class is refused with a code', async () => {
    const { funq } = await start({}, () => undefined);
    const remote = funq.to(undefined as never) as unknown as Record<string, () => Promise<unknown>>;
    await expect(remote['run']!()).rejects.toMatchObject({ code: 'FUNQ_CONSUMER_UNKNOWN' });
  });

  it('a result of 50 MB is not written to the result store', async () => {
    const results = memoryResults();
    const { funq, clock } = await start({ persist: 'result' }, () => 'x'.repeat(50 * 2 ** 20), { stores: { results } });
    await funq.publish('work', [], { id: 'big' });
    await turns(50);
    await clock.advance(2000);
    expect((await results.find('big'))?.value?.length ?? 0).toBeLessThan(2 ** 21);
  });

  it('two queues that are each other’s dead letters are refused, and both consumers are named', async () => {
    class First {
      run(): void {}
    }
    class Second {
      run(): void {}
    }
    for (const [type, options] of [
      [First, { queue: 'work', deadLetter: 'second' }],
      [Second, { queue: 'second', deadLetter: 'work' }],
    ] as const)
      Consumer(options)(type.prototype, 'run', Object.getOwnPropertyDescriptor(type.prototype, 'run')!);
    const error = await refused(() => boot({ providers: [First, Second] }));
    expect(error.code).toBe('FUNQ_CONSUMER_CLASH');
    expect(error.message).toMatch(/First\.run.*Second\.run|Second\.run.*First\.run/);
  });

  it('a consumer of what are another’s dead letters by default is refused', async () => {
    const second = consumer({ queue: 'work.dead' }, () => undefined);
    const error = await refused(() => boot({ providers: [consumer({ queue: 'work' }, () => undefined), second] }));
    expect(error).toMatchObject({
      code: 'FUNQ_CONSUMER_CLASH',
      message: expect.stringContaining("'work.dead'") as string,
    });
  });

  it('two apps that are each other’s dead letters do not throw a body to and fro', async () => {
    const queues: MemoryQueues = new Map();
    let hops = 0;
    const broker = faulty(memory({ queues }), {
      publish: async (next, queue, messages) => (hops++ < 20 ? next(queue, messages) : []),
    });
    const first = consumer({ queue: 'work', deadLetter: 'second' }, () => undefined);
    const second = consumer({ queue: 'second', deadLetter: 'work' }, () => undefined);
    await boot({ providers: [second] }, { brokers: { default: memory({ queues }) } });
    await boot({ providers: [first] }, { brokers: { default: broker } });
    await putRaw(broker, 'work', ['no JSON']);
    await turns(100);
    expect(hops).toBe(2);
    expect(await broker.count!('second.dead')).toBe(1);
  });

  it('a hundred bodies that can not be read make few lines in the log', async () => {
    const { broker, log } = await start({}, () => undefined);
    await putRaw(
      broker,
      'work',
      Array.from({ length: 100 }, () => 'no JSON'),
    );
    await turns(200);
    expect(log.find('is dead').length).toBeLessThan(5);
  });
});
