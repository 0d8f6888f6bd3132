import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import { Counters } from '../../core/counters/counters.js';
import { Events } from '../../core/events.js';
import { BrokerRegistry } from '../broker.registry.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_CONTROLS, FUNQ_SETTINGS } from '../funq.tokens.js';
import type { Control } from '../interceptors/control.js';
import { Presence } from '../presence.js';
import { ScheduleBook } from '../schedules/schedule.book.js';
import { ScheduleRunner } from '../schedules/schedule.runner.js';
import { ConsumerExplorer, type FoundConsumer } from './consumer.explorer.js';
import { Crew } from './crew.js';
import { FunqConsumers } from './funq.consumers.js';
import { HandlerFactory } from './handler.factory.js';

const HOOKS_CHECK = 5000;

/** Starts the consumers when the whole app is ready, and drains them before anything that they use is closed. */
@Injectable()
export class ConsumerRunner implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('Funq');
  readonly #crew: Crew;
  #found: readonly FoundConsumer[] = [];
  #cancelCheck: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly explorer: ConsumerExplorer,
    private readonly handlers: HandlerFactory,
    private readonly brokers: BrokerRegistry,
    private readonly consumers: FunqConsumers,
    presence: Presence,
    private readonly schedules: ScheduleRunner,
    private readonly book: ScheduleBook,
    events: Events,
    counters: Counters,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CONTROLS) controls: readonly Control[],
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) codec: Codec,
  ) {
    this.#crew = new Crew({ settings, controls, clock, codec, events, counters, presence });
  }

  async onModuleInit(): Promise<void> {
    this.#found = this.explorer.explore();
    await this.book.declare(this.#found.map(({ policy }) => policy));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#checkNames();
    try {
      await this.#start();
    } catch (error) {
      // Nobody closes an app that did not start.
      await this.onModuleDestroy();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const consumed = this.#found.filter(({ policy }) => this.settings.consumes(policy.queue, policy.group));
    await Promise.all(consumed.map((consumer) => this.#add(consumer)));
    await this.#crew.announce();
    await this.#crew.join();
    if (this.#stopped) return;
    await this.schedules.start();
    if (this.#crew.size > 0) this.#checkHooks();
    // Last of all: no task may begin while something is still being made ready.
    this.#crew.start();
  }

  /** Once, however often the app is closed. */
  onModuleDestroy(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  /** Publish by schedule no more, stop fetching, let tasks end, give back the rest, write results; brokers close later, so tasks may publish meanwhile. */
  async #stop(): Promise<void> {
    this.#cancelCheck?.();
    await this.schedules.stop();
    await this.#crew.stop();
  }

  async #add(consumer: FoundConsumer): Promise<void> {
    const { policy } = consumer;
    const { outbox } = this.brokers.get(policy.broker, policy.handler);
    const worker = this.#crew.add(policy, outbox, { invoke: await this.handlers.create(consumer) });
    this.consumers.follow(policy, (live) => worker.follow(live.policy, live.paused));
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
