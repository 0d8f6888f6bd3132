import { Inject, Injectable, type Type } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { ConsumerCounters, ConsumerLoad } from '../../contracts/counters.js';
import type { Policy } from '../../contracts/policy.js';
import { Backlog } from '../../core/counters/backlog.js';
import { Counters } from '../../core/counters/counters.js';
import type { Tally } from '../../core/counters/tally.js';
import { FunqConfigError } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { BrokerRegistry } from '../broker.registry.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import { FUNQ_CLOCK } from '../funq.tokens.js';
import { Presence, consumerKey } from '../presence.js';

/**
 * Tells how consumers fare: what became of their tasks, how fast, what remains and how long that will take.
 *
 * What this process counted is exact: each event once, after its outcome was written to the broker. Reading asks the broker what
 * waits and, with a shared coordination store, the store who else is there; answers are used again for up to a second.
 *
 * @publicApi
 */
@Injectable()
export class FunqCounters {
  readonly #backlogs = new Map<Tally, Backlog>();

  constructor(
    private readonly counters: Counters,
    private readonly catalog: ConsumerCatalog,
    private readonly brokers: BrokerRegistry,
    private readonly presence: Presence,
    private readonly events: Events,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
  ) {}

  /** Of a consumer method: `await counters.of(Weather, 'forecast')`. Rejects with `FUNQ_CONSUMER_UNKNOWN` for any other. */
  of<T extends object>(type: Type<T>, method: keyof T & string): Promise<ConsumerCounters>;
  /** Of a queue that a consumer of this app has; `broker` where queues of two brokers have one name. */
  of(queue: string, broker?: string): Promise<ConsumerCounters>;
  async of(target: Type | string, second?: string): Promise<ConsumerCounters> {
    if (typeof target !== 'string') return this.#read(this.catalog.policyOf(target, second!));
    const policy = this.catalog.ofQueue(target, second);
    if (policy) return this.#read(policy);
    throw new FunqConfigError(
      'FUNQ_CONSUMER_UNKNOWN',
      `counters of ${target}: this app has no consumer of it${second === undefined ? '' : ` on broker '${second}'`}`,
    );
  }

  /** Of every consumer that this app knows, also of those that this process leaves to others. */
  all(): Promise<ConsumerCounters[]> {
    return Promise.all(this.catalog.all().map((policy) => this.#read(policy)));
  }

  async #read(policy: Policy): Promise<ConsumerCounters> {
    const { queue, broker, handler } = policy;
    const [tally, backlog] = [this.counters.of(broker, queue), this.#backlog(policy)];
    const [others, waiting] = await Promise.all([this.presence.others(), backlog.waiting(tally.news)]);
    // What follows is read at one moment.
    const { total, running } = tally;
    const [last10s, last60s] = [tally.last(10), tally.last(60)];
    const loads: Load[] = others.flatMap((other) => other.loads?.[consumerKey(policy)] ?? []);
    if (tally.worker) loads.push({ running, rate10s: last10s.rate, rate60s: last60s.rate });
    const all = together(loads);
    const remaining = waiting === undefined ? undefined : waiting + all.running;
    const eta = remaining === undefined ? undefined : backlog.timeLeft(remaining, all.rate10s || all.rate60s);
    return { queue, broker, handler, total, last10s, last60s, running, all, waiting, remaining, eta };
  }

  #backlog({ broker: name, queue, handler }: Policy): Backlog {
    const tally = this.counters.of(name, queue);
    const known = this.#backlogs.get(tally);
    if (known) return known;
    const { clock, events } = this;
    const { broker } = this.brokers.get(name, handler).outbox;
    const backlog = new Backlog({ queue, broker, name, clock, events });
    this.#backlogs.set(tally, backlog);
    return backlog;
  }
}

type Load = Omit<ConsumerLoad, 'total'>;

function together(loads: readonly Load[]): ConsumerCounters['all'] {
  const sum = (of: (load: Load) => number): number => loads.reduce((total, load) => total + of(load), 0);
  return {
    processes: loads.length,
    running: sum(({ running }) => running),
    rate10s: sum(({ rate10s }) => rate10s),
    rate60s: sum(({ rate60s }) => rate60s),
  };
}
