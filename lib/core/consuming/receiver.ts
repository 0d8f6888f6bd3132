import type { UnfitError } from '../../contracts/broker.js';
import { RECONNECT, backoff } from '../backoff.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import type { Held } from './held.js';
import { openSession, type Session, type SessionOptions } from './session.js';
import { settleUntouched } from './settle.js';

/** Failures in a row before a subscription is replaced that does not say itself whether it lasts. */
const PATIENCE = 3;

export interface ReceiverOptions extends SessionOptions {
  readonly events: Events;
  /** How many deliveries are wanted now; waits until at least one is, or resolves to 0 when `signal` aborts. */
  room(signal: AbortSignal): Promise<number>;
  /** Receives what came, in order, until the receiver stops; must not throw. */
  take(deliveries: readonly Held[]): void;
}

/**
 * The receive loop of one queue, with the one policy for its failures: tell, wait with backoff, try again, and after a few
 * failures take a new subscription. Work in hand stays with the subscription that it came from until it is settled.
 */
export class Receiver {
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<Session>();
  #joining: Promise<Session> | undefined;
  #loop: Promise<void> | undefined;
  #prefetch: number;

  constructor(private readonly options: ReceiverOptions) {
    this.#prefetch = options.prefetch;
  }

  /** Room for more in hand than the subscription was made for: the next fetch takes a new one. */
  widen(prefetch: number): void {
    this.#prefetch = Math.max(this.#prefetch, prefetch);
  }

  /** Subscribes, for {@link start} to go on with. Resolves also when that failed for now; rejects with an `UnfitError`. */
  async join(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      await (this.#joining ??= this.#open());
    } catch (error) {
      if ((error as Partial<UnfitError> | undefined)?.unfit) throw error;
    }
  }

  start(): void {
    this.#loop ??= this.#run(this.#stopping.signal);
  }

  /** Resolves when nothing more will be taken. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await (this.#loop ?? this.#joining?.catch(() => undefined));
  }

  /** From now on no settlement that fails is tried again. */
  hurry(): void {
    for (const session of this.#sessions) session.hurried = true;
  }

  /** Ends the subscriptions, after {@link stop}; what was taken and not settled goes back. */
  async close(): Promise<void> {
    this.hurry();
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }

  async #run(stopping: AbortSignal): Promise<void> {
    let session: Session | undefined;
    let failures = 0;
    while (!stopping.aborted) {
      try {
        if (session && session.prefetch < this.#prefetch) session = this.#retire(session);
        if (!session || session.retired) session = await this.#next();
        const max = await this.options.room(stopping);
        if (max === 0) continue;
        await this.#receive(session, max, stopping);
        if (failures > 0)
          this.options.events.emit('recovered', { queue: this.options.queue, broker: this.options.name });
        failures = 0;
      } catch (error) {
        failures++;
        if (error instanceof FunqError || spent(session, failures)) session = this.#retire(session);
        await this.#backOff(failures, error, stopping);
      }
    }
  }

  /** The one that was joined with, once; else another. */
  #next(): Promise<Session> {
    const joining = this.#joining;
    this.#joining = undefined;
    return joining ?? this.#open();
  }

  async #open(): Promise<Session> {
    const options = { ...this.options, prefetch: this.#prefetch };
    const session = await openSession(options, (closed) => this.#sessions.delete(closed));
    this.#sessions.add(session);
    return session;
  }

  /** What comes after it was to stop goes back: that need not wait for its end. */
  async #receive(session: Session, max: number, stopping: AbortSignal): Promise<void> {
    const deliveries = await session.receive(max, stopping);
    const held = deliveries.map((delivery) => session.hold(delivery));
    if (!stopping.aborted) this.options.take(held);
    else for (const each of held) void settleUntouched(each);
  }

  /** No more is received from it; it closes when the work in hand is settled. */
  #retire(session: Session | undefined): undefined {
    session?.retire();
    return undefined;
  }

  async #backOff(attempt: number, error: unknown, stopping: AbortSignal): Promise<void> {
    const { queue, name, events, clock } = this.options;
    const delay = backoff(attempt, RECONNECT);
    if (!stopping.aborted) events.emit('brokerError', { queue, broker: name, error, attempt, delay });
    await clock.sleep(delay, stopping);
  }
}

function spent(session: Session | undefined, failures: number): boolean {
  const lasting = session?.subscription.lasting;
  return lasting === undefined ? failures % PATIENCE === 0 : !lasting;
}
