import { randomUUID } from 'node:crypto';
import type { Outgoing } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { TaskOverrides } from '../../contracts/policy.js';
import { DUE_HEADER, SCHEDULE_HEADER } from '../../contracts/schedule.js';
import type { FilterStore } from '../../contracts/stores.js';
import { createEnvelope } from '../envelope.js';
import { FunqError } from '../errors.js';
import type { Outbox } from '../outbox.js';
import type { Tick } from './ticker.js';

/** What every task of a schedule has in common. */
export interface ScheduledTask {
  readonly schedule: string;
  readonly queue: string;
  readonly args: readonly unknown[];
  readonly priority: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly overrides: TaskOverrides | undefined;
}

export interface TickSenderOptions {
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  /** Decides who publishes where the broker does not drop repeats. */
  readonly store: FilterStore | undefined;
  /** Milliseconds that a publish may take. */
  readonly publishTimeout: number;
}

const PAUSE = 250;

/**
 * Publishes the tasks of schedules so that a moment becomes one task however many processes ask for it. A broker that drops
 * repeats sees to it by itself. Otherwise the store lets one process at a time publish a moment and remembers it as done; one that
 * is killed between the two is overtaken, and may have published already.
 */
export class TickSender {
  readonly #owner = randomUUID();
  /** What the broker holds already, by schedule, though the store could not be told. */
  readonly #unnoted = new Map<string, string>();

  constructor(private readonly options: TickSenderOptions) {}

  /** Resolves, to the task's id, when the broker holds the task of the moment. */
  async send(task: ScheduledTask, tick: Tick, signal: AbortSignal): Promise<string> {
    const { outbox, store } = this.options;
    const id = `${task.schedule}@${new Date(tick.due).toISOString()}`;
    if (outbox.broker.features.unique) await outbox.publish(task.queue, this.message(task, id, tick));
    else if (store) await this.#claimed(store, task, id, tick, signal);
    else await outbox.publish(task.queue, this.message(task, id, tick));
    return id;
  }

  /** One more task of a schedule, besides its moments. */
  async sendNow(task: ScheduledTask): Promise<string> {
    const id = randomUUID();
    await this.options.outbox.publish(task.queue, this.message(task, id));
    return id;
  }

  message(
    { schedule, queue: _queue, priority, key, overrides, ...task }: ScheduledTask,
    id: string,
    tick?: Tick,
  ): Outgoing {
    const { codec, clock, outbox } = this.options;
    const due = tick && { [DUE_HEADER]: new Date(tick.due).toISOString() };
    const headers = { ...task.headers, [SCHEDULE_HEADER]: schedule, ...due };
    const envelope = createEnvelope({
      args: task.args, publishedAt: clock.now(), id, origin: id, headers, ...(priority > 0 && { priority }),
      ...(key !== undefined && { key }), ...(overrides && { options: overrides }),
    }); // prettier-ignore
    return {
      id,
      body: codec.encode(envelope),
      ...(tick && outbox.broker.features.unique && { unique: tick.keep }),
      ...(priority > 0 && { priority }),
      ...(key !== undefined && { key }),
    };
  }

  async #claimed(store: FilterStore, task: ScheduledTask, id: string, tick: Tick, signal: AbortSignal): Promise<void> {
    const { clock, publishTimeout } = this.options;
    const key = `schedule/${task.queue}/${id}`;
    const lease = publishTimeout + 10_000;
    while (!signal.aborted) {
      const claim = await store.claim(key, this.#owner, lease);
      if (claim.state === 'done') return;
      if (claim.state === 'claimed') {
        await this.#publish(store, key, task, this.message(task, id, tick));
        await store.confirm(key, this.#owner, tick.keep);
        this.#unnoted.delete(task.schedule);
        return;
      }
      await clock.sleep(PAUSE, signal);
    }
    throw new FunqError('FUNQ_CLOSED', `schedule ${task.schedule} was stopped while another process published ${id}`);
  }

  /** Once, also when it is asked for again because the store could not be told. */
  async #publish(
    store: FilterStore,
    key: string,
    { schedule, queue }: ScheduledTask,
    message: Outgoing,
  ): Promise<void> {
    if (this.#unnoted.get(schedule) === key) return;
    try {
      await this.options.outbox.publish(queue, message);
    } catch (error) {
      // Others may reach the broker: the next try here must not keep them waiting.
      await store.release(key, this.#owner).catch(() => undefined);
      throw error;
    }
    this.#unnoted.set(schedule, key);
  }
}
