import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, currentTask, type Broker, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, signal, turns } from '../support/app.js';
import { filtering, job } from '../support/filtering.js';

/** Longer than a claim outlives a process. */
const LEASE = 30_000;

describe('a store that does not hear how a run ended', () => {
  it.each([1, 5])('is told again, %i times, so that an equal call is not run again later', async (times) => {
    const coordination = memoryCoordination();
    const { confirm } = coordination;
    let failures = times;
    coordination.confirm = (...args) =>
      failures-- > 0 ? Promise.reject(new Error('reset')) : confirm.apply(coordination, args);
    const { run, clock } = await filtering({}, coordination);
    const first = run('x');
    await clock.advance(10_000);
    expect(await first).toBe('done');
    await clock.advance(LEASE + 10_000);
    expect(await run('x')).toBe('filtered');
  });

  it('is told again after an answer that did not come', async () => {
    const coordination = memoryCoordination();
    const { confirm } = coordination;
    let silent = true;
    coordination.confirm = (...args) => {
      if (!silent) return confirm.apply(coordination, args);
      silent = false;
      return new Promise(() => undefined);
    };
    const { run, clock } = await filtering({}, coordination);
    const first = run('x');
    await clock.advance(10_000);
    expect(await first).toBe('done');
    await clock.advance(LEASE + 10_000);
    expect(await run('x')).toBe('filtered');
  });
});

it('a key is free when its run has failed, though its claim was being renewed', async () => {
  const coordination: CoordinationStore = memoryCoordination();
  const { claim } = coordination;
  const slow = signal();
  let claims = 0;
  coordination.claim = async (...args) => {
    if (++claims === 2) await slow.promise;
    return claim.apply(coordination, args);
  };
  const { run, clock } = await filtering({ retry: 0 }, coordination);
  const open = signal();
  job.work = () => open.promise;
  const first = run('x');
  await clock.advance(LEASE / 3);
  expect(claims).toBe(2);
  job.work = () => undefined;
  open.reject(new Error('no'));
  await turns();
  slow.resolve();
  expect(await first).toBe('dead');
  expect(await run('x')).toBe('done');
});

describe('a task whose lease was lost', () => {
  /** Two processes: one of them loses the task `one`, which the other one takes then. `end` ends a run by its name. */
  async function losing() {
    const clock = new ManualClock();
    const queues = new Map();
    const coordination = memoryCoordination();
    const ran: string[] = [];
    const ends = new Map<string, ReturnType<typeof signal<void>>>();
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', concurrency: 1, retry: 0, filter: true })
      async run(_key: string): Promise<void> {
        const name = `${currentTask()!.id} ${ran.filter((each) => each.startsWith(currentTask()!.id)).length + 1}`;
        ran.push(name);
        ends.set(name, signal());
        await ends.get(name)!.promise;
      }
    }
    let lost = false;
    const apps = [];
    for (let n = 0; n < 2; n++) {
      const broker = memory({ queues });
      const subscribe: Broker['subscribe'] = async (...args) => {
        const subscription = await broker.subscribe(...args);
        return Object.assign(subscription, {
          extend: async (list: Parameters<typeof subscription.release>[0]) => {
            if (!lost || list.length === 0) return [];
            lost = false;
            await subscription.release(list);
            return list;
          },
        });
      };
      const brokers = { default: { ...broker, subscribe } };
      apps.push(await boot({ providers: [Job] }, { clock, brokers, stores: { coordination } }));
    }
    const { funq } = apps[0]!;
    await funq.publish('jobs', ['x'], { id: 'one' });
    await turns();
    lost = true;
    await clock.advance(10_000);
    return { clock, ran, funq, end: (name: string) => ends.get(name)! };
  }

  it('leaves the claim to whoever has the task now, when its function fails', async () => {
    const { clock, ran, funq, end } = await losing();
    expect(ran).toEqual(['one 1', 'one 2']);
    end('one 1').reject(new Error('aborted'));
    await turns();
    await funq.publish('jobs', ['x'], { id: 'two' });
    await clock.advance(10_000);
    expect(ran).toEqual(['one 1', 'one 2']);
    end('one 2').resolve();
  });

  it('does not hold its key any more, however long its function goes on', async () => {
    const { clock, ran, funq, end } = await losing();
    end('one 2').reject(new Error('no'));
    await turns();
    await clock.advance(LEASE);
    await funq.publish('jobs', ['x'], { id: 'two' });
    await clock.advance(2000);
    expect(ran).toContain('two 1');
    end('one 1').resolve();
    end('two 1').resolve();
  });
});
