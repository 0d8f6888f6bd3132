import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import { unblocked } from '../../contracts/deadline.js';
import type { Reply, ReplyAddress } from '../../contracts/envelope.js';
import type { Held } from '../consuming/held.js';
import { Receiver } from '../consuming/receiver.js';
import { settleConsumed } from '../consuming/settle.js';
import { inTime } from '../dead-letters/sweep.js';
import { FunqError, FunqRemoteError } from '../errors.js';
import type { Events } from '../events.js';
import type { Outbox } from '../outbox.js';
import { REPLY_PREFIX } from './reply-sender.js';

export interface RepliesOptions {
  /** Name of the broker in the app. */
  readonly name: string;
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
}

/** Somebody who waits under a call's id. */
export interface Waiting {
  /** Gets each reply, in the order of their coming: of a result in parts not always theirs, and some of them twice. */
  take(reply: Reply): void;
  /** The app is shutting down. */
  close(): void;
}

/** Where replies go, and the end of waiting for them. */
export interface WaitingPlace extends Pick<ReplyAddress, 'queue' | 'call'> {
  leave(): void;
}

const PREFETCH = 1000;
const LEASE = 10_000;

/** Calls of this process that wait for an outcome, on one broker. The reply queue is opened by the first call. */
export class Replies {
  readonly #queue = REPLY_PREFIX + randomBytes(12).toString('hex');
  readonly #calls = new Map<string, Waiting>();
  #receiver: Receiver | undefined;
  #closed = false;

  constructor(private readonly options: RepliesOptions) {}

  /**
   * Publishes through `send`, which gets the address to answer to, and resolves with the task's result. Rejects with
   * `FunqRemoteError` when the task failed, `FUNQ_REPLY_TIMEOUT` after `timeout` ms, `FUNQ_CLOSED` at shutdown, or as `send` does.
   */
  async call(task: string, timeout: number, send: (reply: ReplyAddress) => Promise<unknown>): Promise<unknown> {
    const { clock } = this.options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        leave();
        cancel();
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const take = ({ value, error }: Reply): void => {
        settle();
        if (error) reject(new FunqRemoteError(error));
        else resolve(value);
      };
      const { leave, ...address } = this.wait(task, { take, close: () => fail(closed(task)) });
      const late = (): void => fail(unanswered(task, timeout));
      const cancel = unblocked(clock, timeout, late);
      send({ ...address, until: clock.now() + timeout }).catch(fail);
    });
  }

  /** Waits under an id of its own until it leaves. Throws `FUNQ_CLOSED` at shutdown; `task` is named then. */
  wait(task: string, waiting: Waiting): WaitingPlace {
    if (this.#closed) throw closed(task);
    this.#receiver ??= this.#open();
    const call = randomUUID();
    this.#calls.set(call, waiting);
    return { queue: this.#queue, call, leave: () => void this.#calls.delete(call) };
  }

  /** How many calls wait. */
  get size(): number {
    return this.#calls.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#calls.values()) call.close();
    this.#calls.clear();
    if (!this.#receiver) return;
    await this.#receiver.stop();
    await this.#receiver.close();
    const { outbox, name, clock } = this.options;
    const purging = outbox.broker.purge?.(this.#queue);
    if (purging) await inTime(purging, name, clock, `purging ${this.#queue}`).catch(() => 0);
  }

  #open(): Receiver {
    const { outbox, name, clock, events } = this.options;
    const receiver = new Receiver({
      queue: this.#queue, broker: outbox.broker, name, clock, events, prefetch: PREFETCH, lease: LEASE,
      room: () => Promise.resolve(PREFETCH),
      take: (deliveries) => deliveries.forEach((held) => this.#take(held)),
      lost: () => undefined,
    }); // prettier-ignore
    receiver.start();
    return receiver;
  }

  #take(held: Held): void {
    try {
      const reply = this.options.codec.decodeReply(held.delivery.body);
      // A second reply, or one that comes late, finds nobody.
      this.#calls.get(reply.call)?.take(reply);
    } catch {
      // Not a reply: nobody can be waiting for it.
    }
    void settleConsumed(held);
  }
}

function unanswered(task: string, timeout: number): FunqError {
  return new FunqError('FUNQ_REPLY_TIMEOUT', `no outcome of ${task} within ${timeout} ms; it may still be executed`);
}

/** Why a call that waits when the app shuts down has no outcome. */
export function closed(task: string): FunqError {
  return new FunqError('FUNQ_CLOSED', `${task} has no outcome here: the app is shutting down`);
}
