import type { Broker, Outgoing } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import { SystemClock } from '../core/system-clock.js';
import { bodyCases } from './broker/bodies.js';
import { closingCases } from './broker/closing.js';
import { killCases } from './broker/kills.js';
import { leaseCases } from './broker/leases.js';
import { orderCases } from './broker/order.js';
import { pulseCases } from './broker/pulses.js';
import { queueCases } from './broker/queues.js';
import { receivingCases } from './broker/receiving.js';
import { returningCases } from './broker/returning.js';
import { soakCases } from './broker/soak.js';
import { stormCases } from './broker/storm.js';
import { timeCases } from './broker/time.js';
import { BrokerTrial, type BrokerFacts } from './broker/trial.js';
import { uniqueCases } from './broker/unique.js';
import { wildcardCases } from './broker/wildcards.js';
import type { WorkerModule } from './broker/workers.js';
import { casesOf, type ConformanceCase } from './conformance.js';

export interface BrokerConformanceOptions {
  /**
   * A new, unconnected broker at every call; over the same storage where `features.durable` or `features.shared` is set.
   * Also called once to read its `features`.
   */
  create(): Broker;
  /** Given to the broker, and what the suite measures and waits by, so it must run by itself. Default: the system's. */
  readonly clock?: Clock;
  /**
   * The shortest lease that the broker keeps to, in milliseconds; `false` for a broker whose subscriptions have no `extend`.
   * Default: 1000.
   */
  readonly lease?: number | false;
  /** Whether subscriptions have a `pulse`; what it does is only tried where a lease runs down. Default: false. */
  readonly pulse?: boolean;
  /** Milliseconds by which a delayed message or an answer may be late. Default: 1000. */
  readonly tolerance?: number;
  /** Milliseconds to wait for what must come. Default: 10,000. */
  readonly patience?: number;
  /** Whether a released message returns to its old place. Default: `features.ordered`. */
  readonly keepsPlace?: boolean;
  /** Whether `purge` reaches what is delayed. Default: true. */
  readonly purgesDelayed?: boolean;
  /** The highest priority that the broker takes, 8 to 255. Default: 255. */
  readonly topPriority?: number;
  /**
   * Whether messages are shared out in parts (the partitions of a log), each to one subscription at a time, so that what one
   * subscription holds up or gives back waits for whoever has its part. Default: false.
   */
  readonly partitioned?: boolean;
  /** Whether a queue may have any name up to 200 characters, or only what the core lets through. Default: true. */
  readonly anyQueueName?: boolean;
  /** A message that the broker refuses: one beyond its size limit, say. Without it that one case is skipped. */
  readonly refused?: Outgoing;
  /** Restarts the broker's service and resolves when it is up. Without it that one case is skipped. */
  readonly restart?: () => Promise<void>;
  /** How child processes make the broker; without it the cases that kill processes are skipped. */
  readonly workers?: WorkerModule;
  /** Messages of the case in which everything happens at random. Default: 10,000. */
  readonly soak?: number;
  /** Messages of the case in which workers are killed at random. Default: 2000. */
  readonly storm?: number;
  /** Seed of the random cases; every failure names the one that was used. Default: another one each time. */
  readonly seed?: number;
}

/**
 * What {@link Broker} demands, as tests for any runner. `features` choose the cases; one that does not apply stays in the
 * list with its reason.
 *
 * ```ts
 * conforms('acme', brokerConformance({ create: () => acme({ url }) }), { describe, it });
 * // or, without `conforms`
 * for (const check of brokerConformance({ create: () => acme({ url }) })) it(check.name, check.run, check.timeout);
 * ```
 */
export function brokerConformance(options: BrokerConformanceOptions): ConformanceCase[] {
  const broker = options.create();
  const facts: BrokerFacts = {
    create: options.create,
    features: broker.features,
    clock: options.clock ?? new SystemClock(),
    lease: options.lease ?? 1000,
    pulse: options.pulse ?? false,
    tolerance: options.tolerance ?? 1000,
    patience: options.patience ?? 10_000,
    keepsPlace: options.keepsPlace ?? broker.features.ordered,
    purgesDelayed: options.purgesDelayed ?? true,
    topPriority: options.topPriority ?? 255,
    partitioned: options.partitioned ?? false,
    anyQueueName: options.anyQueueName ?? true,
    counts: broker.count !== undefined,
    purges: broker.purge !== undefined,
    refused: options.refused,
    restart: options.restart,
    workers: options.workers,
    soak: options.soak ?? 10_000,
    storm: options.storm ?? 2000,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 32),
  };
  const subjects = [
    bodyCases,
    receivingCases,
    returningCases,
    leaseCases,
    pulseCases,
    orderCases,
    timeCases,
    uniqueCases,
    wildcardCases,
    queueCases,
    closingCases,
    soakCases,
    killCases,
    stormCases,
  ];
  const requirements = subjects.flatMap((casesFor) => casesFor(facts));
  return casesOf(requirements, () => new BrokerTrial(facts));
}
