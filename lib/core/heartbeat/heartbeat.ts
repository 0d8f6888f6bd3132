import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Pulse, PulseSource, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { backoff, type Backoff } from '../backoff.js';
import type { Events } from '../events.js';
import type { ThreadData, ThreadNews } from './heartbeat.thread.js';
import { KnownSource } from './known-source.js';
import type { Orders, SourceOrders } from './stand-in.js';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly events: Events;
  /** Milliseconds after which an event loop that neither turns nor calls another function counts as dead, and its tasks go to others. */
  readonly maxBlock: number;
  /** Address of the compiled `heartbeat.thread.js`. Default: the one beside this file. */
  readonly script?: URL;
}

interface Kept {
  readonly pulse: Pulse;
  readonly lease: number;
}

/** Looks at the loop in the shorter of a lease and `maxBlock`: a loop that is blocked is stood in for well before a lease is over. */
const LOOKS = 10;
/** Ticks between two looks, so that a healthy loop always shows one. */
const TICKS = 2;
/** The longest, in milliseconds, that the thread may take to get ready, and to end by itself. */
const DEADLINE = 5000;
/** How a thread that died is replaced: after 1 s, growing to a minute. */
const RESTART: Backoff = { delay: 1000, factor: 2, max: 60_000, jitter: 0.3 };
/** A thread that lived so long, in milliseconds, did not die of what its predecessor died of. */
const HEALTHY = 60_000;

/**
 * Keeps leases while the event loop is blocked: one thread for all subscriptions that have a {@link Pulse}, from the first
 * to the last of them. It keeps no process alive. It must have the machine's clock: a thread follows no other. Never
 * throws: whatever goes wrong is told once, tried again, and leaves the leases to the event loop.
 */
export class Heartbeat {
  readonly #kept = new Map<Subscription, Kept>();
  readonly #sources = new Map<PulseSource, KnownSource>();
  readonly #turns = new Int32Array(new SharedArrayBuffer(4));
  readonly #calls = new Int32Array(new SharedArrayBuffer(4));
  #lastKey = 0;
  #period = 0;
  #stopTicking: () => void = () => undefined;
  #thread: Worker | undefined;
  #failures = 0;
  #cancelRestart: (() => void) | undefined;

  constructor(private readonly options: HeartbeatOptions) {}

  /** Keeps what `subscription` holds, in the way that its pulse says now. Costs next to nothing where that has not changed. */
  keep(subscription: Subscription, lease: number): void {
    const { pulse } = subscription;
    if (this.#kept.get(subscription)?.pulse === pulse) return;
    if (pulse) this.#kept.set(subscription, { pulse, lease });
    else this.#kept.delete(subscription);
    this.#changed();
  }

  /**
   * Undefined when the thread has shown that it can keep `subscription`, or that it can't; until then what resolves when it
   * has, after five seconds at the latest. A loop that is blocked before may lose its leases.
   */
  unready(subscription: Subscription): Promise<void> | undefined {
    const kept = this.#thread && this.#kept.get(subscription);
    const ready = kept && this.#sources.get(kept.pulse.source)?.ready;
    if (!ready) return undefined;
    return withDeadline(this.options.clock, DEADLINE, ready, () => new Error('late')).catch(() => undefined);
  }

  /** Resolves when nothing is done for `subscription` any more; after the last one, when the thread is gone. */
  async leave(subscription: Subscription): Promise<void> {
    if (!this.#kept.delete(subscription)) return;
    const thread = this.#thread;
    this.#changed();
    if (thread && !this.#thread) await this.#gone(thread);
  }

  /** A function is called: the process gets on, though the loop does not turn between functions that block one after another. */
  moved(): void {
    Atomics.add(this.#calls, 0, 1);
  }

  #changed(): void {
    const orders = this.#orders();
    if (orders.period !== this.#period) this.#tick(orders.period);
    try {
      if (this.#kept.size === 0) this.#end();
      else if (!this.#cancelRestart) (this.#thread ??= this.#start())?.postMessage(orders);
    } catch (error) {
      this.#failed(error);
    }
  }

  #orders(): Orders {
    const sources = new Map<PulseSource, SourceOrders & { readonly ids: unknown[] }>();
    let shortest = this.options.maxBlock;
    for (const { pulse, lease } of this.#kept.values()) {
      const { source, id, lasts = lease } = pulse;
      const known = sources.get(source);
      if (known) known.ids.push(id);
      else sources.set(source, { key: this.#known(source).key, module: source.module, data: source.data, ids: [id] });
      shortest = Math.min(shortest, lasts);
    }
    for (const [source, known] of this.#sources) {
      if (sources.has(source)) continue;
      this.#sources.delete(source);
      known.settle();
    }
    return { period: shortest / LOOKS, sources: [...sources.values()] };
  }

  #known(source: PulseSource): KnownSource {
    const known = this.#sources.get(source) ?? new KnownSource(++this.#lastKey);
    this.#sources.set(source, known);
    return known;
  }

  #tick(period: number): void {
    this.#stopTicking();
    this.#period = period;
    this.#stopTicking = this.options.clock.every(period / TICKS, () => Atomics.add(this.#turns, 0, 1));
  }

  /** Undefined where there is no compiled thread, as when the library's own tests run its TypeScript. */
  #start(): Worker | undefined {
    const { script = compiled(), clock, events, maxBlock } = this.options;
    if (!script) return undefined;
    const workerData: ThreadData = { turns: this.#turns, calls: this.#calls, maxBlock };
    const thread = new Worker(script, { workerData, name: 'funq heartbeat' });
    const startedAt = clock.monotonic();
    let cause: unknown;
    thread.unref();
    thread.on('message', ({ key, failure }: ThreadNews) => {
      if (failure) events.emit('heartbeatFailed', failure);
      for (const known of this.#sources.values()) if (known.key === key) known.settle();
    });
    thread.on('error', (error) => (cause = error));
    thread.on('exit', (code) => {
      if (this.#thread !== thread) return;
      if (clock.monotonic() - startedAt > HEALTHY) this.#failures = 0;
      this.#failed(cause ?? new Error(`the heartbeat thread ended with code ${code}`));
    });
    return thread;
  }

  #failed(error: unknown): void {
    const { clock, events } = this.options;
    const delay = backoff(++this.#failures, RESTART);
    void this.#thread?.terminate();
    this.#thread = undefined;
    for (const known of this.#sources.values()) known.settle();
    this.#cancelRestart = clock.after(
      delay,
      () => {
        this.#cancelRestart = undefined;
        this.#changed();
      },
      true,
    );
    if (this.#failures === 1) events.emit('heartbeatFailed', { error, delay });
  }

  #end(): void {
    this.#stopTicking();
    this.#period = 0;
    this.#cancelRestart?.();
    this.#cancelRestart = undefined;
    this.#failures = 0;
    const thread = this.#thread;
    this.#thread = undefined;
    thread?.postMessage(undefined);
  }

  /** The thread closes its connections and ends by itself; it is ended when that takes too long. */
  async #gone(thread: Worker): Promise<void> {
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    // Whoever waits for it must not find that the process ended meanwhile.
    thread.ref();
    const late = (): Error => new Error('the heartbeat thread did not end');
    await withDeadline(this.options.clock, DEADLINE, ended, late).catch(() => thread.terminate());
  }
}

/** The program beside this file; beside a bundle there is none, and one in CommonJS does not even know where it is. */
function compiled(): URL | undefined {
  const here = import.meta.url || undefined;
  if (here?.endsWith('.ts')) return undefined;
  const script = here && new URL('./heartbeat.thread.js', here);
  if (script && existsSync(script)) return script;
  throw new Error('heartbeat.thread.js is not where it was installed; keep nestjs-funq out of the bundle (external)');
}
