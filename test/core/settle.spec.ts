import { DeadLetterError, RequeueError, type ManagedTask } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { createEnvelope } from '../../lib/core/envelope.js';
import { engine, QUEUE } from './engine.js';
import type { Faults } from './faulty-broker.js';

describe('settling', () => {
  it('stores a copy before it acknowledges the original', async () => {
    const order: string[] = [];
    const faults: Faults = {
      publish: async (next, queue, messages) => (order.push(`publish ${queue}`), next(queue, messages)),
      ack: async (next, list) => (order.push('ack'), next(list)),
    };
    let runs = 0;
    const { worker, clock, publish, events, stop } = await engine((task) => void (runs++ === 0 && task.retry(5000)), {
      faults,
    });
    await publish('x');
    const retried = events.next('retried');
    worker.start();
    await clock.advance(1);
    await retried;
    expect(order).toEqual([`publish ${QUEUE}`, `publish ${QUEUE}`, 'ack']);
    const done = events.next('done');
    await clock.advance(5000);
    expect((await done).task.attempt).toBe(2);
    await stop();
  });

  it.each(['retry', 'dead'] as const)('tries again until its %s is stored, without executing anew', async (kind) => {
    let broken = 0;
    const faults: Faults = {
      publish: async (next, queue, messages) =>
        broken-- > 0 ? Promise.reject(new Error('full')) : next(queue, messages),
    };
    let runs = 0;
    const { worker, clock, publish, events, told, stop } = await engine(
      (task) => {
        if (++runs > 1) return 'fine';
        broken = 3;
        return kind === 'retry' ? task.retry() : task.dead('why');
      },
      { faults },
    );
    await publish('x');
    const settled = events.next(kind === 'retry' ? 'retried' : 'dead');
    worker.start();
    await clock.advance(10_000);
    await settled;
    expect(told('settleFailed')).toHaveLength(3);
    expect(runs).toBe(kind === 'retry' ? 2 : 1);
    await stop();
  });

  it('gives a task back, unexecuted here again, when the process stops before its settlement could be stored', async () => {
    let broken = false;
    const faults: Faults = {
      publish: async (next, queue, messages) => (broken ? Promise.reject(new Error('full')) : next(queue, messages)),
    };
    const { worker, clock, publish, events, broker, stop } = await engine(
      (task) => {
        broken = true;
        task.dead('why');
      },
      { faults },
    );
    await publish('x');
    const failed = events.next('settleFailed');
    worker.start();
    await clock.advance(1);
    await failed;
    await stop();
    expect(await broker.count!(QUEUE)).toBe(1);
  });

  it('cuts the history of errors down rather than making a task too large to be read again', async () => {
    const attempts: number[] = [];
    const { worker, clock, publish, events, stop } = await engine(
      (task) => {
        attempts.push(task.attempt);
        if (task.attempt === 4) return;
        (task as ManagedTask).failed(new Error('x'.repeat(8000)), true);
        task.retry();
      },
      { maxPayload: 20_000 },
    );
    await publish('a'.repeat(15_000));
    const done = events.next('done');
    worker.start();
    await clock.advance(10);
    expect((await done).task.errors.length).toBeLessThan(3);
    expect(attempts).toEqual([1, 2, 3, 4]);
    await stop();
  });

  it('sends copies with the arguments as they arrived, whatever the handler did to them', async () => {
    const seen: unknown[] = [];
    const { worker, clock, publish, events, stop } = await engine((task) => {
      const [box] = task.args as [{ items: unknown[] }];
      seen.push(structuredClone(box));
      box.items.push(box);
      if (seen.length === 1) task.retry();
    });
    await publish({ items: [1] });
    const done = events.next('done');
    worker.start();
    await clock.advance(1);
    await done;
    expect(seen).toEqual([{ items: [1] }, { items: [1] }]);
    await stop();
  });

  it('counts requeues and not attempts, up to their limit', async () => {
    const attempts: number[] = [];
    const { worker, clock, publish, events, deadLetters, stop } = await engine((task) => {
      attempts.push(task.attempt);
      throw new RequeueError({ delay: 100, max: 3, reason: 'not yet' });
    });
    await publish('x');
    const dead = events.next('dead');
    worker.start();
    for (let i = 0; i < 5; i++) await clock.advance(100);
    await dead;
    expect(attempts).toEqual([1, 1, 1, 1]);
    expect(await deadLetters()).toMatchObject([
      { code: 'requeued', queue: QUEUE, envelope: { args: ['x'], requeues: 3 } },
    ]);
    await stop();
  });

  it('buries with the reason, the history and the arguments', async () => {
    const { worker, clock, publish, events, deadLetters, stop } = await engine(() => {
      throw new DeadLetterError('never again', { cause: new Error('root') });
    });
    await publish('x', 2n);
    const dead = events.next('dead');
    worker.start();
    await clock.advance(1);
    await dead;
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ code: 'failed', reason: 'never again', envelope: { args: ['x', 2n], attempt: 1 } });
    expect(letter!.errors).toMatchObject([{ name: 'DeadLetterError', attempt: 1, cause: { message: 'root' } }]);
    await stop();
  });

  it('waits in place where the broker has no delay', async () => {
    const faults: Faults = { features: { delay: false } };
    const starts: number[] = [];
    const { worker, clock, publish, events, stop } = await engine(
      (task) => {
        starts.push(clock.now());
        if (starts.length === 1) task.retry(5000);
      },
      { faults },
    );
    await publish('x');
    const done = events.next('done');
    worker.start();
    await clock.advance(5001);
    await done;
    expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(5000);
    await stop();
  });

  it('gives back unfinished tasks at shutdown, uncounted, and ignores what their functions do later', async () => {
    let finish = (_value: unknown): void => undefined;
    let aborted: unknown;
    const { worker, clock, publish, events, broker, told, stop } = await engine((task) => {
      task.signal.addEventListener('abort', () => (aborted = task.signal.reason));
      return new Promise((resolve) => (finish = resolve));
    });
    const started = events.next('started');
    worker.start();
    await publish('x');
    await clock.advance(1);
    await started;
    await stop();
    expect(aborted).toMatchObject({ code: 'FUNQ_SHUTDOWN' });
    expect(told('released')).toHaveLength(1);
    expect(await broker.count!(QUEUE)).toBe(1);
    const late = events.next('late');
    finish('too late');
    await late;
    expect(told('done')).toHaveLength(0);
  });

  it.each(['retry', 'dead', 'unreadable'] as const)('stores no %s of what was lost meanwhile', async (kind) => {
    let [away, lose] = [false, false];
    const stored: string[] = [];
    const faults: Faults = {
      publish: async (next, queue, messages) => {
        if (away) throw new Error('away');
        stored.push(queue);
        return next(queue, messages);
      },
      extend: async (list) => (lose ? list : []),
      ack: async (next, list) => (lose ? list : next(list)),
    };
    let runs = 0;
    const { worker, outbox, clock, publish, told, stop } = await engine(
      (task) => void (runs++ === 0 && (kind === 'retry' ? task.retry() : task.dead('why'))),
      { faults, options: { lease: '3s' } },
    );
    if (kind === 'unreadable') await outbox.publish(QUEUE, { id: 'x', body: Buffer.from('?') });
    else await publish('x');
    away = true;
    worker.start();
    await clock.advance(500);
    expect(told('settleFailed').length).toBeGreaterThan(0);
    lose = true;
    await clock.advance(1500);
    away = false;
    await clock.advance(60_000);
    expect(stored).toEqual([QUEUE]);
    expect(told('leaseLost')).toHaveLength(1);
    await stop();
  });

  it('stores no copy of what was lost while it waited in place', async () => {
    let lose = false;
    let runs = 0;
    const faults: Faults = {
      features: { delay: false },
      extend: async (list) => (lose ? list : []),
      ack: async (next, list) => (lose ? list : next(list)),
    };
    const { worker, clock, publish, told, stop } = await engine((task) => (runs++, task.retry('1m')), { faults });
    await publish('x');
    worker.start();
    await clock.advance(1000);
    lose = true;
    await clock.advance(120_000);
    expect([runs, told('leaseLost').length]).toEqual([1, 1]);
    await stop();
  });

  it('does not give back what is being settled when the process stops', async () => {
    const faults: Faults = {
      publish: async (next, queue, messages) => {
        if (stopping) await clock.sleep(1500);
        return next(queue, messages);
      },
    };
    let finish = (): void => undefined;
    const handler = async (task: ManagedTask): Promise<void> => {
      await new Promise<void>((resolve) => (finish = resolve));
      task.retry(60_000);
    };
    const { worker, clock, publish, events, told, broker } = await engine((task) => handler(task as ManagedTask), {
      faults,
    });
    let stopping = false;
    await publish('x');
    const started = events.next('started');
    worker.start();
    await clock.advance(1);
    await started;
    stopping = true;
    const stopped = worker.stop(1000);
    await clock.advance(900);
    finish();
    await clock.advance(10_000);
    await stopped;
    expect([told('retried').length, told('leaseLost').length, await broker.count!(QUEUE)]).toEqual([1, 0, 0]);
  });

  it('tells of a task as lost and not as given back, when it was no longer ours to give', async () => {
    const faults: Faults = { release: async (_next, list) => list };
    const { worker, clock, publish, events, names, stop } = await engine(() => new Promise(() => undefined), {
      faults,
    });
    await publish('x');
    const started = events.next('started');
    worker.start();
    await clock.advance(1);
    await started;
    await stop();
    expect(names()).toEqual(['started', 'leaseLost']);
  });

  it('puts a task with a priority back also where the broker knows none', async () => {
    const faults: Faults = { features: { priority: false } };
    let runs = 0;
    const { worker, clock, codec, outbox, events, stop } = await engine((task) => void (runs++ === 0 && task.retry()), {
      faults,
    });
    const envelope = { ...createEnvelope({ args: [], publishedAt: 0 }), priority: 5 };
    await outbox.publish(QUEUE, { id: envelope.id, body: codec.encode(envelope) });
    const done = events.next('done');
    worker.start();
    await clock.advance(1);
    expect((await done).task).toMatchObject({ attempt: 2, envelope: { priority: 5 } });
    await stop();
  });

  it('cuts the history of a dead letter down rather than offering one that is too large to be stored', async () => {
    const most = 30_000;
    const faults: Faults = {
      publish: async (next, queue, messages) => {
        const large = messages.some(({ body }) => body.length > most);
        return large ? Promise.reject(new Error('message too large')) : next(queue, messages);
      },
    };
    const { worker, clock, publish, events, deadLetters, stop } = await engine(
      (task) => {
        for (let n = 1; n <= 10; n++) (task as ManagedTask).failed(new Error(`${n} ${'x'.repeat(5000)}`), true);
        task.dead('why');
      },
      { faults, maxPayload: 20_000 },
    );
    await publish('a'.repeat(10_000));
    const dead = events.next('dead');
    worker.start();
    await clock.advance(1);
    await dead;
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ reason: 'why', envelope: { args: ['a'.repeat(10_000)] } });
    expect(letter!.errors.at(-1)!.message).toMatch(/^10 x/);
    await stop();
  });

  it('tells how long a task took, though the clock on the wall was set meanwhile', async () => {
    const { worker, clock, publish, events, stop } = await engine(() => clock.sleep(2000));
    await publish('x');
    const done = events.next('done');
    worker.start();
    await clock.advance(1000);
    clock.set(clock.now() - 3_600_000);
    await clock.advance(1000);
    expect((await done).duration).toBe(2000);
    await stop();
  });
});
