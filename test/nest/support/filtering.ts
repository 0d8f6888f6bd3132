import { Injectable } from '@nestjs/common';
import { beforeEach } from 'vitest';
import { Consumer, type ConsumerOptions } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Booted } from './app.js';

/** What the method of the present test does, and the arguments that it was called with. */
export const job = { ran: [] as unknown[], work: (..._args: unknown[]): unknown => undefined };
beforeEach(() => {
  job.ran.length = 0;
  job.work = () => undefined;
});

interface Filtering extends Booted {
  readonly clock: ManualClock;
  /** Runs a task to whatever end it has and tells its name. */
  run(...args: unknown[]): Promise<string>;
}

/** An app with a consumer whose calls are filtered. */
export async function filtering(options: ConsumerOptions, coordination = memoryCoordination()): Promise<Filtering> {
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', filter: true, ...options })
    async job(...args: unknown[]): Promise<unknown> {
      job.ran.push(args);
      return job.work(...args);
    }
  }
  const clock = new ManualClock();
  const booted = await boot({ providers: [Job] }, { clock, stores: { coordination } });
  const run = async (...args: unknown[]): Promise<string> => {
    const ends = (['done', 'filtered', 'dead', 'requeued', 'deferred', 'discarded'] as const).map((name) =>
      booted.events.next(name).then(() => name),
    );
    await booted.funq.publish('jobs', args);
    return Promise.race(ends);
  };
  return { ...booted, clock, run };
}
