import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { ConsumerCounters, TaskCounts } from '../../contracts/counters.js';
import type { Policy } from '../../contracts/policy.js';
import { Counters } from '../../core/counters/counters.js';
import { COUNTED } from '../../core/counters/tally.js';
import { Events } from '../../core/events.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_SETTINGS } from '../funq.tokens.js';
import { busyLine, lastLine } from './counter.lines.js';
import { FunqCounters } from './funq.counters.js';

/** How long before a line, in milliseconds, what remains is looked at, so that the line can tell which way it goes. */
const AHEAD = 15_000;

/** Tells, once a minute, how each consumer fares that is busy; nothing of the others. */
@Injectable()
export class CounterReport implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #told = new Map<Policy, TaskCounts>();
  #toldAt = 0;
  #stop: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #reading: Promise<unknown> | undefined;

  constructor(
    private readonly catalog: ConsumerCatalog,
    private readonly counters: Counters,
    private readonly reader: FunqCounters,
    private readonly events: Events,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    const period = this.settings.report;
    if (period === undefined) return;
    this.#toldAt = this.clock.monotonic();
    this.#lookBefore(period);
    this.#stop = this.clock.every(period, () => {
      this.#alone(() => this.#tell());
      this.#lookBefore(period);
    });
  }

  /** After the consumers have stopped: what they did since the last line is told as well. */
  async onModuleDestroy(): Promise<void> {
    if (!this.#stop) return;
    this.#stop();
    this.#cancelLook?.();
    await this.#reading;
    for (const policy of this.#busy()) {
      this.#emit(policy, lastLine(policy, this.#since(policy, this.#total(policy)), this.#elapsed()));
    }
    this.#stop = undefined;
  }

  async #tell(): Promise<void> {
    const seconds = this.#elapsed();
    this.#toldAt = this.clock.monotonic();
    await Promise.all(
      this.#busy().map(async (policy) => {
        const counters = await this.#read(policy);
        this.#emit(policy, busyLine(counters, this.#since(policy, counters.total), seconds));
        this.#told.set(policy, counters.total);
      }),
    );
  }

  #lookBefore(period: number): void {
    this.#cancelLook?.();
    if (period <= AHEAD) return;
    const look = (): void => this.#alone(() => Promise.all(this.#busy().map((policy) => this.#read(policy))));
    this.#cancelLook = this.clock.after(period - AHEAD, look, true);
  }

  #read({ queue, broker }: Policy): Promise<ConsumerCounters> {
    return this.reader.of(queue, broker);
  }

  /** Does `work` unless the last is still under way: a broker that hangs is waited for, and not asked again meanwhile. */
  #alone(work: () => Promise<unknown>): void {
    this.#reading ??= work().finally(() => (this.#reading = undefined));
  }

  /** Those that have something in hand, or have counted anything since the last line. */
  #busy(): readonly Policy[] {
    return this.catalog.all().filter((policy) => {
      const counted = Object.values(this.#since(policy, this.#total(policy))).some((count) => count > 0);
      return counted || this.counters.of(policy.broker, policy.queue).running > 0;
    });
  }

  #emit({ queue, broker }: Policy, text: string): void {
    this.events.emit('report', { queue, broker, text });
  }

  #total({ broker, queue }: Policy): TaskCounts {
    return this.counters.of(broker, queue).total;
  }

  #since(policy: Policy, total: TaskCounts): TaskCounts {
    const told = this.#told.get(policy);
    const counts = COUNTED.map((name) => [name, total[name] - (told?.[name] ?? 0)] as const);
    return Object.fromEntries(counts) as Record<keyof TaskCounts, number>;
  }

  #elapsed(): number {
    return (this.clock.monotonic() - this.#toldAt) / 1000;
  }
}
