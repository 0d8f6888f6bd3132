import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import { Quarantine } from '../../core/consuming/quarantine.js';
import { Worker, type WorkerOptions } from '../../core/consuming/worker.js';
import type { Counters } from '../../core/counters/counters.js';
import type { Events } from '../../core/events.js';
import { Heartbeat } from '../../core/heartbeat/heartbeat.js';
import type { Outbox } from '../../core/outbox.js';
import { SystemClock } from '../../core/system-clock.js';
import type { FunqSettings } from '../funq.options.js';
import type { Control } from '../interceptors/control.js';
import type { Presence } from '../presence.js';

/** Milliseconds that the app's start waits for its subscriptions. */
const JOIN = 5000;

export interface CrewParts {
  readonly settings: Pick<FunqSettings, 'maxPayload' | 'maxBlock' | 'shutdownGrace'>;
  readonly controls: readonly Control[];
  readonly clock: Clock;
  readonly codec: Codec;
  readonly events: Events;
  readonly counters: Counters;
  readonly presence: Presence;
}

/** How one worker calls its handler, writes what it came to, and what is spread to it. */
export type Work = Pick<WorkerOptions, 'invoke' | 'write' | 'pattern' | 'findable'>;

/** The workers of a process: with all that they share, started together, drained together. */
export class Crew {
  readonly #workers: Worker[] = [];
  readonly #policies: Policy[] = [];
  readonly #quarantine = new Quarantine();
  readonly #heartbeat: Heartbeat | undefined;

  constructor(private readonly parts: CrewParts) {
    const { clock, events, settings } = parts;
    const { maxBlock } = settings;
    // A thread follows the machine's clock and no other.
    if (maxBlock !== undefined && clock instanceof SystemClock)
      this.#heartbeat = new Heartbeat({ clock, events, maxBlock });
  }

  get size(): number {
    return this.#workers.length;
  }

  add(policy: Policy, outbox: Outbox, work: Work): Worker {
    const { codec, clock, events, settings, counters } = this.parts;
    const worker = new Worker({
      policy, broker: outbox.broker, outbox, codec, clock, events, quarantine: this.#quarantine, heartbeat: this.#heartbeat,
      maxPayload: settings.maxPayload, ...work,
    }); // prettier-ignore
    counters.of(policy.broker, policy.queue).worker = worker;
    this.#policies.push(policy);
    this.#workers.push(worker);
    return worker;
  }

  /** Tells other processes of the workers. */
  async announce(): Promise<void> {
    await this.parts.presence.start(this.#policies);
  }

  /**
   * Resolves when each has subscribed, or could not for now, and within five seconds; afterwards they may start. Rejects with
   * `FUNQ_BROKER_UNAVAILABLE` when a queue can't be consumed as it is on the server.
   */
  async join(): Promise<void> {
    const joined = new AbortController();
    const joining = Promise.all(this.#workers.map((worker) => worker.join()));
    await Promise.race([joining, this.parts.clock.sleep(JOIN, joined.signal)]).finally(() => joined.abort());
  }

  start(): void {
    for (const worker of this.#workers) worker.start();
  }

  /** Stops fetching, lets tasks end, gives back the rest, writes out what controls have gathered. */
  async stop(): Promise<void> {
    const { settings, presence, controls } = this.parts;
    await Promise.all(this.#workers.map((worker) => worker.stop(settings.shutdownGrace)));
    await presence.stop();
    await Promise.all([...new Set(controls)].map((control) => control.flush?.()));
  }
}
