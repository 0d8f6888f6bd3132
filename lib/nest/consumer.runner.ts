import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import { Counters } from '../core/counters.js';
import { Events } from '../core/events.js';
import { Heartbeat } from '../core/heartbeat.js';
import { Quarantine } from '../core/quarantine.js';
import { SystemClock } from '../core/system-clock.js';
import { Worker } from '../core/worker.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerExplorer, type FoundConsumer } from './consumer.explorer.js';
import { FunqConsumers } from './funq.consumers.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_CONTROLS, FUNQ_SETTINGS } from './funq.tokens.js';
import type { FunqSettings } from './funq.options.js';
import { HandlerFactory } from './handler.factory.js';
import type { Control } from './interceptors/control.js';
import { Presence } from './presence.js';
import { ScheduleBook } from './schedule.book.js';
import { ScheduleRunner } from './schedule.runner.js';

const HOOKS_CHECK = 5000;

/** Starts the consumers when the whole app is ready, and drains them before anything that they use is closed. */
@Injectable()
export class ConsumerRunner implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('Funq');
  readonly #quarantine = new Quarantine();
  #found: readonly FoundConsumer[] = [];
  #workers: readonly Worker[] = [];
  #cancelCheck: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly explorer: ConsumerExplorer,
    private readonly handlers: HandlerFactory,
    private readonly brokers: BrokerRegistry,
    private readonly consumers: FunqConsumers,
    private readonly presence: Presence,
    private readonly schedules: ScheduleRunner,
    private readonly book: ScheduleBook,
    private readonly events: Events,
    private readonly counters: Counters,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CONTROLS) private readonly controls: readonly Control[],
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {}

  async onModuleInit(): Promise<void> {
    this.#found = this.explorer.explore();
    await this.book.declare(this.#found.map(({ policy }) => policy));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#checkNames();
    const consumed = this.#found.filter(({ policy }) => this.settings.consumes(policy.queue, policy.group));
    const heartbeat = this.#heartbeat();
    this.#workers = await Promise.all(consumed.map((consumer) => this.#worker(consumer, heartbeat)));
    await this.presence.start(consumed.map(({ policy }) => policy));
    await this.schedules.start();
    if (this.#workers.length > 0) this.#checkHooks();
    // Last of all: no task may begin while something is still being made ready.
    for (const worker of this.#workers) worker.start();
  }

  /** Once, however often the app is closed. */
  onModuleDestroy(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  /** Publish by schedule no more, stop fetching, let tasks end, give back the rest, write results; brokers close later, so tasks may publish meanwhile. */
  async #stop(): Promise<void> {
    this.#cancelCheck?.();
    await this.schedules.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop(this.settings.shutdownGrace)));
    await this.presence.stop();
    await Promise.all([...new Set(this.controls)].map((control) => control.flush?.()));
  }

  async #worker(consumer: FoundConsumer, heartbeat: Heartbeat | undefined): Promise<Worker> {
    const { outbox } = this.brokers.get(consumer.policy.broker, consumer.policy.handler);
    const { policy } = consumer;
    const { codec, clock, events } = this;
    const worker = new Worker({
      policy, broker: outbox.broker, outbox, codec, clock, events, quarantine: this.#quarantine, heartbeat,
      maxPayload: this.settings.maxPayload, invoke: await this.handlers.create(consumer),
    }); // prettier-ignore
    this.consumers.follow(policy, (live) => worker.follow(live.policy, live.paused));
    this.counters.of(policy.broker, policy.queue).worker = worker;
    return worker;
  }

  /** What `consume` names and no consumer has is a slip of the pen, or another app's: said, and no reason not to start. */
  #checkNames(): void {
    const { queues, groups } = this.settings.consumed;
    const policies = this.#found.map(({ policy }) => policy);
    const nobody = [
      ...queues.filter((name) => !policies.some(({ queue }) => queue === name)).map((name) => `queue '${name}'`),
      ...groups.filter((name) => !policies.some(({ group }) => group === name)).map((name) => `group '${name}'`),
    ];
    if (nobody.length > 0) this.#logger.warn(`consume names ${nobody.join(', ')}, which no consumer of this app has`);
  }

  /** A thread follows the machine's clock and no other. */
  #heartbeat(): Heartbeat | undefined {
    const { clock, events } = this;
    const { maxBlock } = this.settings;
    return maxBlock !== undefined && clock instanceof SystemClock
      ? new Heartbeat({ clock, events, maxBlock })
      : undefined;
  }

  /** Without shutdown hooks a signal ends the process in the middle of its tasks. */
  #checkHooks(): void {
    this.#cancelCheck = this.clock.after(HOOKS_CHECK, () => {
      if (process.listenerCount('SIGTERM') > 0) return;
      this.#logger.warn(
        'Nobody listens to SIGTERM: call app.enableShutdownHooks(), or running tasks are cut off and run again elsewhere.',
      );
    });
  }
}
