import { randomBytes } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import type { ReplyAddress } from '../contracts/envelope.js';
import { FunqError, FunqRemoteError } from './errors.js';
import type { Events } from './events.js';
import type { Outbox } from './outbox.js';
import { Receiver } from './receiver.js';
import { REPLY_PREFIX } from './reply-sender.js';
import type { Held } from './session.js';
import { settleConsumed } from './settle.js';

export interface RepliesOptions {
  /** Name of the broker in the app. */
  readonly name: string;
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: () => void;
}

const PREFETCH = 1000;
const LEASE = 10_000;

/** Calls of this process that wait for an outcome, on one broker. The reply queue is opened by the first call. */
export class Replies {
  readonly #queue = REPLY_PREFIX + randomBytes(12).toString('hex');
  readonly #calls = new Map<string, Call>();
  #receiver: Receiver | undefined;
  #closed = false;

  constructor(private readonly options: RepliesOptions) {}

  /**
   * Publishes through `send`, which gets the address to answer to, and resolves with the task's result. Rejects with
   * `FunqRemoteError` when the task failed, `FUNQ_REPLY_TIMEOUT` after `timeout` ms, `FUNQ_CLOSED` at shutdown, or as `send` does.
   */
  async call(task: string, timeout: number, send: (reply: ReplyAddress) => Promise<unknown>): Promise<unknown> {
    if (this.#closed) throw closed(task);
    this.#receiver ??= this.#open();
    const call = randomBytes(16).toString('hex');
    const outcome = this.#wait(task, call, timeout);
    send({ queue: this.#queue, call, until: this.options.clock.now() + timeout }).catch((error: Error) =>
      this.#settle(call)?.reject(error),
    );
    return outcome;
  }

  /** How many calls wait. */
  get size(): number {
    return this.#calls.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#calls.keys()) this.#settle(call)?.reject(closed('the task'));
    if (!this.#receiver) return;
    await this.#receiver.stop();
    await this.#receiver.close();
    await this.options.outbox.broker.purge?.(this.#queue).catch(() => 0);
  }

  #wait(task: string, call: string, timeout: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const late = (): void =>
        this.#settle(call)?.reject(
          new FunqError('FUNQ_REPLY_TIMEOUT', `no outcome of ${task} within ${timeout} ms; it may still be executed`),
        );
      this.#calls.set(call, { resolve, reject, cancel: this.options.clock.after(timeout, late) });
    });
  }

  /** Takes the call out; a second reply, or one that comes late, finds nothing. */
  #settle(id: string): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.cancel();
    return call;
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
      const call = this.#settle(reply.call);
      if (reply.error) call?.reject(new FunqRemoteError(reply.error));
      else call?.resolve(reply.value);
    } catch {
      // Not a reply: nobody can be waiting for it.
    }
    void settleConsumed(held);
  }
}

function closed(task: string): FunqError {
  return new FunqError('FUNQ_CLOSED', `${task} has no outcome here: the app is shutting down`);
}
