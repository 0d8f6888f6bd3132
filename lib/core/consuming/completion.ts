import type { Clock } from '../../contracts/clock.js';
import type { Listener } from '../batcher.js';
import type { Events } from '../events.js';
import type { RunningTask } from './running-task.js';

/** Hears whether the acknowledgement of a task that is done was taken. */
export class Completion implements Listener<boolean> {
  constructor(
    private readonly told: { readonly events: Events; readonly clock: Clock },
    private readonly task: RunningTask,
    private readonly value: unknown,
    private readonly settled: () => void,
  ) {}

  resolve(ours: boolean): void {
    const { task, value } = this;
    const { events, clock } = this.told;
    if (ours) events.emit('done', { task, value, duration: clock.monotonic() - task.startedAt });
    else events.emit('leaseLost', { queue: task.queue, task });
    this.settled();
  }

  reject(error: unknown): void {
    this.told.events.emit('settleFailed', { queue: this.task.queue, task: this.task, error });
    this.settled();
  }
}
