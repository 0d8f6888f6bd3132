import { Injectable } from '@nestjs/common';
import { Consumer, CurrentTask, getBrokerToken, type Broker, type Task } from 'nestjs-funq';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { boot, signal, turns } from '../nest/support/app.js';
import { bodies } from './queues.js';

interface Run {
  readonly signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

@Injectable()
class Stuck {
  readonly runs: Run[] = [];
  stuck = true;

  @Consumer({ queue: 'stuck', concurrency: 4, timeout: '1s' })
  run(_n: number, @CurrentTask() task: Task): unknown {
    return this.#never(task);
  }

  @Consumer({ queue: 'again', concurrency: 4, timeout: '1s', retry: 2 })
  again(_n: number, @CurrentTask() task: Task): unknown {
    return this.#never(task);
  }

  #never(task: Task): unknown {
    if (!this.stuck) return 'fine';
    const { promise, resolve, reject } = signal<unknown>();
    this.runs.push({ signal: task.signal, resolve, reject });
    return promise;
  }
}

describe.each([
  { queue: 'stuck', runs: 1 },
  { queue: 'again', runs: 3 },
])('a handler that never settles, on queue $queue', ({ queue, runs }) => {
  it('is timed out, loses no slot, and changes nothing when it ends after all', async () => {
    const clock = new ManualClock();
    const { app, events, funq } = await boot({ providers: [Stuck] }, { clock });
    const broker = app.get<Broker>(getBrokerToken());
    const service = app.get(Stuck);
    const counts = { started: 0, failed: 0, done: 0, dead: 0, late: 0, settleFailed: 0 };
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) events.on(name, () => void counts[name]++);
    const leaked: unknown[] = [];
    const onLeak = (reason: unknown): number => leaked.push(reason);
    process.on('unhandledRejection', onLeak);

    await funq.publishMany(
      queue,
      Array.from({ length: 100 }, (_, n) => [n]),
    );
    for (let second = 0; second < 25 * runs; second++) {
      await clock.advance(0);
      expect(counts.started - counts.dead, `tasks in hand in second ${second}`).toBe(4);
      await clock.advance(1000);
    }
    await turns();
    expect(counts).toEqual({ started: 100, failed: 100 * runs, done: 0, dead: 100, late: 0, settleFailed: 0 });
    expect(service.runs).toHaveLength(100 * runs);
    expect(service.runs.every((run) => run.signal.aborted)).toBe(true);
    expect(service.runs[0]!.signal.reason).toMatchObject({ code: 'FUNQ_TIMEOUT' });

    service.runs.forEach((run, n) => (n % 2 ? run.resolve('too late') : run.reject(new Error('too late'))));
    await turns();
    expect(counts).toMatchObject({ done: 0, dead: 100, failed: 100 * runs, late: 100 * runs });
    const letters = (await bodies(broker, `${queue}.dead`)).map(
      (body) => JSON.parse(Buffer.from(body).toString()) as object,
    );
    expect(letters).toHaveLength(100);
    for (const letter of letters)
      expect(letter).toMatchObject({
        code: 'timeout',
        errors: Array.from({ length: runs }, () => ({ code: 'FUNQ_TIMEOUT' })),
      });

    service.stuck = false;
    await funq.publishMany(
      queue,
      Array.from({ length: 8 }, (_, n) => [n]),
    );
    await turns();
    expect(counts.done).toBe(8);
    expect(leaked).toEqual([]);
    process.off('unhandledRejection', onLeak);
  });
});

describe('a handler that never settles and has no timeout', () => {
  it('keeps its slot, and gives its task back when the process stops', async () => {
    class Silent {
      run(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    Consumer({ queue: 'silent' })(Silent.prototype, 'run', Object.getOwnPropertyDescriptor(Silent.prototype, 'run')!);
    const clock = new ManualClock();
    const { events, funq, close } = await boot({ providers: [Silent] }, { clock, shutdownGrace: '1s' });
    const started = events.next('started');
    await funq.publish('silent');
    await started;
    await clock.advance(86_400_000);
    const released = events.next('released');
    await close();
    expect((await released).task.queue).toBe('silent');
  });
});
