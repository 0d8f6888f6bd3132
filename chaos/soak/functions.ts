import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Consumer, CurrentTask, RequeueError, type Task } from 'nestjs-funq';

/** Where the dead letters of this load go, to be emptied now and then. */
export const GRAVEYARD = 'soak-graveyard';

const PERSIST = { result: true, ttl: '1m' } as const;

/** The functions of the mixed load: each uses other parts of the engine. */
@Injectable()
export class SoakFunctions {
  @Consumer({ queue: 'soak-quick', concurrency: 100 })
  quick(_text: string): void {}

  @Consumer({ queue: 'soak-slow', timeout: '10s', persist: PERSIST })
  async slow(ms: number, @CurrentTask() task: Task): Promise<number> {
    await sleep(ms, undefined, { signal: task.signal });
    task.progress(1);
    return ms;
  }

  @Consumer({ queue: 'soak-failing', retry: { times: 3, delay: '40ms', factor: 2, jitter: 0.5 } })
  failing(failures: number, @CurrentTask() task: Task): void {
    if (task.attempt <= failures) throw new Error(`attempt ${task.attempt} fails`);
  }

  @Consumer({ queue: 'soak-returning', retry: { times: 1, delay: '1500ms' } })
  returning(@CurrentTask() task: Task): void {
    if (task.attempt === 1) throw new Error('fails once, and comes back through the broker');
  }

  @Consumer({ queue: 'soak-requeued' })
  requeued(@CurrentTask() task: Task): void {
    if (task.requeues === 0) throw new RequeueError({ delay: '200ms' });
  }

  @Consumer({ queue: 'soak-dying', retry: 1, deadLetter: GRAVEYARD })
  dying(): void {
    throw new Error('always fails');
  }

  @Consumer({ queue: 'soak-overdue', timeout: '100ms', deadLetter: GRAVEYARD })
  async overdue(@CurrentTask() task: Task): Promise<void> {
    await sleep(1000, undefined, { signal: task.signal });
  }

  @Consumer({ queue: 'soak-filtered', filter: { ttl: '10s' } })
  filtered(_key: number): void {}

  @Consumer({ queue: 'soak-rated', rate: { starts: 20, scope: 'shared' } })
  rated(): void {}

  @Consumer({ queue: 'soak-delayed' })
  delayed(): void {}

  @Consumer({ queue: 'soak-expiring', expire: '100ms' })
  expiring(): void {}

  @Consumer({ queue: 'soak-asked', persist: PERSIST })
  asked(text: string): string {
    return text.toUpperCase();
  }
}
