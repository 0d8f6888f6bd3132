import { Injectable } from '@nestjs/common';
import { Consumer, FunqRemoteError, JsonCodec, type ResultStore, type TaskResult } from 'nestjs-funq';
import { memoryResults } from 'nestjs-funq/stores/memory';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { boot } from '../nest/support/app.js';

const MIB = 2 ** 20;

/** What can't be sent, and the code that the caller is told. */
const RESULTS: Record<string, readonly [() => unknown, string]> = {
  'an object that contains itself': [() => ring(), 'FUNQ_UNSERIALIZABLE'],
  'a function': [() => () => 1, 'FUNQ_UNSERIALIZABLE'],
  'a symbol': [() => Symbol('x'), 'FUNQ_UNSERIALIZABLE'],
  'a getter that throws': [() => ({ get a() { throw new Error('no'); } }), 'FUNQ_UNSERIALIZABLE'], // prettier-ignore
  'toJSON that throws': [() => ({ toJSON() { throw new Error('no'); } }), 'FUNQ_UNSERIALIZABLE'], // prettier-ignore
  'an error': [() => new Error('as a value'), 'FUNQ_UNSERIALIZABLE'],
  'a list with a Promise': [() => [Promise.resolve(1)], 'FUNQ_UNSERIALIZABLE'],
  '70 levels': [() => JSON.parse('['.repeat(70) + ']'.repeat(70)) as unknown, 'FUNQ_UNSERIALIZABLE'],
  'a connection': [() => process.stdout, 'FUNQ_UNSERIALIZABLE'],
  '50 MB': [() => 'x'.repeat(50 * MIB), 'FUNQ_PAYLOAD_TOO_LARGE'],
};
const FINE: Record<string, () => unknown> = {
  'a bigint': () => 2n ** 64n,
  undefined: () => undefined,
  'a Map': () => new Map([['a', new Date(0)]]),
  'a class': () => new Date(5),
  NaN: () => NaN,
};

@Injectable()
class Service {
  runs = 0;

  @Consumer({ queue: 'give', persist: 'result', retry: 3 })
  give(what: string): unknown {
    this.runs++;
    return (RESULTS[what]?.[0] ?? FINE[what]!)();
  }

  @Consumer({ queue: 'spoil', persist: 'result', retry: { times: 1, delay: '5s' } })
  spoil(object: Record<string, unknown>, fail: boolean): string {
    this.runs++;
    object['self'] = object;
    object['call'] = () => 1;
    if (fail) throw new Error('after all');
    return 'done';
  }
}

async function start() {
  const clock = new ManualClock();
  const results = memoryResults();
  const { app, funq, events } = await boot({ providers: [Service] }, { clock, stores: { results } });
  const ends: string[] = [];
  for (const name of ['done', 'failed', 'dead', 'retried', 'settleFailed'] as const)
    events.on(name, () => void ends.push(name));
  return { clock, funq, events, ends, service: app.get(Service), results };
}

describe('a result', () => {
  it.each(Object.entries(RESULTS))('that is %s: executed once, its caller gets an error', async (what, [, code]) => {
    const { funq, events, ends, service } = await start();
    const done = events.next('done');
    const error: unknown = await funq.ask('give', [what]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FunqRemoteError);
    expect(error).toMatchObject({ code: 'FUNQ_REMOTE', remoteCode: code, message: expect.stringContaining('result') });
    await done;
    expect(service.runs).toBe(1);
    expect(ends).toEqual(['done']);
  });

  it.each(Object.keys(RESULTS).filter((what) => what !== '50 MB'))('that is %s is saved as such', async (what) => {
    const { clock, funq, events, ends, service, results } = await start();
    const done = events.next('done');
    await funq.publish('give', [what], { id: 'one' });
    await done;
    const saved = await record(clock, results, 'one');
    expect(saved).toMatchObject({ status: 'done', attempts: 1, unserializable: true, args: expect.any(Uint8Array) });
    expect(saved.value).toBeUndefined();
    expect(service.runs).toBe(1);
    expect(ends).toEqual(['done']);
  });

  it.each(Object.entries(FINE))('that is %s arrives', async (what, make) => {
    const { funq } = await start();
    expect(await funq.ask('give', [what])).toStrictEqual(make());
  });
});

describe('arguments that a handler has spoilt', () => {
  it('do not hold up its retry, which gets them as they were sent', async () => {
    const { clock, funq, events, service, ends } = await start();
    const retried = events.next('retried');
    await funq.publish('spoil', [{ a: 1 }, true]);
    await retried;
    const dead = events.next('dead');
    await clock.advance(5000);
    expect((await dead).letter.envelope?.args).toEqual([{ a: 1 }, true]);
    expect(service.runs).toBe(2);
    expect(ends).not.toContain('settleFailed');
  });

  it('are recorded as they were sent', async () => {
    const { clock, funq, events, results } = await start();
    const done = events.next('done');
    await funq.publish('spoil', [{ a: 1 }, false], { id: 'spoilt' });
    await done;
    const saved = await record(clock, results, 'spoilt');
    expect(saved).toMatchObject({ status: 'done' });
    expect(new JsonCodec().decodeValue(saved.args!)).toEqual([{ a: 1 }, false]);
  });
});

async function record(clock: ManualClock, results: ResultStore, id: string): Promise<TaskResult> {
  for (let tries = 0; tries < 10; tries++) {
    await clock.advance(500);
    const saved = await results.find(id);
    if (saved) return saved;
  }
  throw new Error(`no record of ${id}`);
}

function ring(): unknown {
  const object: Record<string, unknown> = { a: 1 };
  object['self'] = [object];
  return object;
}
