import { RequeueError, type ManagedTask, type Task } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { engine, QUEUE } from './engine.js';
import type { Faults } from './faulty-broker.js';

/** What `currentTask()` and `@CurrentTask()` hand out: one run. */
const runOf = (task: Task): Task => (task as unknown as { run: Task }).run;

describe('a run that was given up', () => {
  it('keeps its aborted signal and its number, and can not speak for the next one', async () => {
    const { worker, clock, publish, events, stop } = await engine((task) => {
      const managed = task as ManagedTask;
      const first = runOf(task);
      managed.abandon(new Error('time is up'));
      managed.nextAttempt();
      const second = runOf(task);
      expect([first.attempt, second.attempt]).toEqual([1, 2]);
      expect([first.signal.aborted, second.signal.aborted]).toEqual([true, false]);
      first.discard('nothing to do');
      first.dead('nor this');
      first.retry();
      return 'second';
    });
    await publish('x');
    const done = events.next('done');
    worker.start();
    await clock.advance(1);
    expect(await done).toMatchObject({ value: 'second' });
    await stop();
  });

  it('says nothing after the task was settled', async () => {
    let kept: Task | undefined;
    const { worker, clock, publish, events, told, stop } = await engine((task) => void (kept = runOf(task)));
    await publish('x');
    const done = events.next('done');
    worker.start();
    await clock.advance(1);
    await done;
    kept!.progress(1);
    kept!.retry();
    await clock.advance(10);
    expect(told('done')).toHaveLength(1);
    await stop();
  });
});

describe('a task that waits', () => {
  it('does not start when its lease is lost meanwhile', async () => {
    let lose = false;
    let ran = false;
    const faults: Faults = { extend: async (list) => (lose ? list : []) };
    const { worker, clock, publish, events, told, stop } = await engine(
      async (task) => {
        const managed = task as ManagedTask;
        if (await managed.wait(20_000)) ran = true;
        else managed.release();
      },
      { faults, options: { lease: '3s' } },
    );
    await publish('x');
    const started = events.next('started');
    worker.start();
    await clock.advance(1);
    await started;
    lose = true;
    await clock.advance(30_000);
    expect(told('leaseLost')).toHaveLength(1);
    expect(ran).toBe(false);
    await stop();
  });

  it('does not start when the process stops meanwhile', async () => {
    const { worker, clock, publish, events, broker, told, stop } = await engine(async (task) => {
      const managed = task as ManagedTask;
      if (!(await managed.wait(60_000))) managed.release();
    });
    await publish('x');
    const started = events.next('started');
    worker.start();
    await clock.advance(1);
    await started;
    await stop();
    expect(told('released')).toHaveLength(1);
    expect(await broker.count!(QUEUE)).toBe(1);
  });
});

it('a requeue keeps the attempts made in place', async () => {
  const attempts: number[] = [];
  const { worker, clock, publish, events, stop } = await engine((task) => {
    attempts.push(task.attempt);
    if (attempts.length > 1) return;
    (task as ManagedTask).nextAttempt();
    throw new RequeueError({ delay: 0 });
  });
  await publish('x');
  const done = events.next('done');
  worker.start();
  await clock.advance(10);
  await done;
  expect(attempts).toEqual([1, 2]);
  await stop();
});

it('a suspect that was given back while others were put away does not run any more', async () => {
  let ran = 0;
  let suspects = 0;
  const faults: Faults = {
    receive: async (next, max, signal) =>
      (await next(max, signal)).map((delivery) => ({ ...delivery, redelivered: suspects++ < 2 ? 3 : 0 })),
    publish: async (next, queue, messages) => (suspects >= 2 ? new Promise(() => undefined) : next(queue, messages)),
  };
  const { worker, clock, publish, stop } = await engine(() => void ran++, { faults });
  await publish('a');
  await publish('b');
  worker.start();
  await clock.advance(1);
  await stop();
  await clock.advance(20_000);
  expect(ran).toBe(0);
});

it('a suspect does not begin any more once the grace of a process that stops is over', async () => {
  let ran = 0;
  let suspects = 0;
  const faults: Faults = {
    receive: async (next, max, signal) =>
      (await next(max, signal)).map((delivery) => ({ ...delivery, redelivered: suspects++ < 2 ? 3 : 0 })),
    publish: async (next, queue, messages) => {
      if (suspects >= 2) await clock.sleep(1500);
      return next(queue, messages);
    },
  };
  const { worker, clock, publish, told } = await engine(() => void ran++, { faults });
  await publish('a');
  await publish('b');
  worker.start();
  await clock.advance(1);
  const stopping = worker.stop(1000);
  await clock.advance(5000);
  await stopping;
  expect([ran, told('released').length]).toEqual([0, 1]);
});
