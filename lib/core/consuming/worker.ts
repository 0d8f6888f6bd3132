import { setMaxListeners } from 'node:events';
import type { Broker } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import { FunqError } from '../errors.js';
import type { Events } from '../events.js';
import type { Heartbeat } from '../heartbeat/heartbeat.js';
import type { Outbox } from '../outbox.js';
import { ReplySender, type ReplySenderOptions } from '../replies/reply-sender.js';
import type { Held } from './held.js';
import { Processor } from './processor.js';
import type { Quarantine } from './quarantine.js';
import { Receiver } from './receiver.js';
import type { RunningTask, TaskHost } from './running-task.js';
import { Settler, settleUntouched } from './settle.js';
import { Slots } from './slots.js';
import { Gate } from './window.js';

export interface WorkerOptions {
  /** In force at the start; {@link Worker.follow} changes it. */
  readonly policy: Policy;
  readonly broker: Broker;
  readonly outbox: Outbox;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly events: Events;
  readonly quarantine: Quarantine;
  /** Keeps leases while the event loop is blocked; without it they run out then. */
  readonly heartbeat?: Heartbeat | undefined;
  /** Bytes above which a body is not even read. */
  readonly maxPayload: number;
  /** As {@link TaskHost.findable}. Default: true. */
  readonly findable?: boolean;
  /** Which messages that are spread the queue gets; see `SubscribeOptions.pattern`. */
  readonly pattern?: string | undefined;
  /** As {@link ReplySenderOptions.write}. */
  readonly write?: ReplySenderOptions['write'];
  /** Calls the handler with everything around it. Its failure is noted on the task. */
  invoke(task: RunningTask): Promise<unknown>;
}

/** Time for a handler to end after its signal aborted at shutdown. */
const LAST_CALL = 1000;
/** Time for what is being settled at shutdown: a publish and an acknowledgement, each of which has a deadline of its own. */
const SETTLING = 10_000;

/**
 * One consumer at work. A task's path:
 *
 * 1. `receiver.ts` asks the broker for as many deliveries as there are free slots; `session.ts` holds them by a lease
 * 2. `processor.ts`: the body is read (unreadable: dead letter), overrides are applied, poison is sorted out
 * 3. `invoke`: guards, interceptors, controls, pipes, the method; filters around all
 * 4. `decide.ts`: what was asked for, else done, or dead when it failed
 * 5. `settle.ts`: reply, copy or dead letter is stored, then the delivery is acknowledged, in batches
 * 6. one event tells of it
 */
export class Worker implements TaskHost {
  readonly #stop = new AbortController();
  readonly #slots: Slots;
  readonly #gate: Gate;
  readonly #receiver: Receiver;
  readonly #processor: Processor;
  #policy: Policy;
  #quietUntil = -Infinity;

  constructor(private readonly options: WorkerOptions) {
    const { policy, broker, outbox, codec, clock, events, quarantine, heartbeat, maxPayload } = options;
    this.#policy = policy;
    // Every task that waits listens to it, and there may be thousands.
    setMaxListeners(0, this.stopping);
    const replies = new ReplySender({ outbox, codec, clock, events, maxPayload, write: options.write });
    const settler = new Settler({ outbox, codec, clock, events, replies, maxPayload, stopping: this.stopping });
    const told = (open: boolean): void => events.emit('window', { queue: policy.queue, open });
    const slots = (this.#slots = new Slots(policy));
    this.#gate = new Gate(clock, told);
    this.#gate.follow(policy.window, false);
    const invoke = (task: RunningTask): Promise<unknown> => options.invoke(task);
    this.#processor = new Processor({
      policy, codec, events, settler, slots, quarantine, host: this, maxPayload, invoke,
    }); // prettier-ignore
    this.#receiver = new Receiver({
      queue: policy.queue,
      name: policy.broker,
      broker,
      clock,
      events,
      lease: policy.lease,
      pattern: options.pattern,
      heartbeat,
      prefetch: policy.concurrency * 2,
      room: (signal) => this.#room(signal),
      take: (deliveries) => this.#take(deliveries),
      lost: (held) => this.#processor.lost(held),
    });
  }

  get clock(): Clock {
    return this.options.clock;
  }
  get events(): Events {
    return this.options.events;
  }
  get findable(): boolean {
    return this.options.findable ?? true;
  }
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Tasks taken and not settled yet. */
  get inHand(): number {
    return this.#processor.inHand;
  }

  began(): void {
    this.#slots.began();
  }

  called(): void {
    this.options.heartbeat?.moved();
  }

  /** Resolves when the queue is subscribed to, or could not be for now. Rejects when it can't be consumed as it is on the server. */
  async join(): Promise<void> {
    try {
      await this.#receiver.join();
    } catch (error) {
      const { handler, queue } = this.#policy;
      const what = `${handler} can't consume the queue ${queue}: ${(error as Error).message}`;
      throw new FunqError('FUNQ_BROKER_UNAVAILABLE', what, { cause: error });
    }
  }

  start(): void {
    this.#receiver.start();
  }

  /** Rate, concurrency and window of `policy` hold from now on; what runs already goes on. `paused` fetches nothing. */
  follow(policy: Policy, paused: boolean): void {
    this.#policy = policy;
    this.#processor.follow(policy);
    this.#slots.follow(policy);
    this.#receiver.widen(policy.concurrency * 2);
    this.#gate.follow(policy.window, paused);
    this.events.emit('changed', { policy, paused });
  }

  /**
   * Stops fetching, lets running tasks end for up to `grace` ms, then aborts their signals, gives back what is left, and
   * ends the subscription. Tasks may publish all the while.
   */
  async stop(grace: number): Promise<void> {
    this.#stop.abort();
    // A broker that does not answer lengthens nobody's grace: what comes from now on is not taken.
    const stopped = this.#receiver.stop();
    await this.#idleWithin(grace);
    this.#processor.interrupt(new FunqError('FUNQ_SHUTDOWN', 'the process stops and its grace is over'));
    await this.#idleWithin(LAST_CALL);
    this.#receiver.hurry();
    await this.#processor.giveUp();
    // What is ended with the subscription goes back, and would run again beside its copy.
    await this.#idleWithin(SETTLING);
    await stopped;
    await this.#receiver.close();
  }

  #take(deliveries: readonly Held[]): void {
    // The window may have closed while the fetch was under way.
    if (this.#gate.isOpen) this.#processor.take(deliveries);
    else for (const held of deliveries) void settleUntouched(held);
  }

  async #room(signal: AbortSignal): Promise<number> {
    while (!signal.aborted) {
      await this.#gate.pass(signal);
      if (this.#slots.free > 0) return this.#slots.free;
      this.#tellWhenBound();
      await this.#slots.changed(signal);
    }
    return 0;
  }

  /** A rate that can't be kept is told of once a minute at most. */
  #tellWhenBound(): void {
    const { queue, concurrency } = this.#policy;
    const now = this.clock.monotonic();
    if (!this.#slots.exhausted || now < this.#quietUntil) return;
    this.#quietUntil = now + 60_000;
    this.events.emit('rateBound', { queue, concurrency });
  }

  async #idleWithin(ms: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#processor.idle(), this.clock.sleep(ms, over.signal)]);
    over.abort();
  }
}
