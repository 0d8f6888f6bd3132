import { Inject, Injectable, type Type } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { Policy } from '../../contracts/policy.js';
import { FunqConfigError } from '../../core/errors.js';
import { BrokerRegistry } from '../broker.registry.js';
import type { FunqOptions } from '../funq.options.js';
import { FUNQ_OPTIONS } from '../funq.tokens.js';
import { checkSupported } from '../support.checks.js';
import { ConsumerCatalog } from './consumer.catalog.js';
import { consumerDefinition } from './consumer.decorator.js';
import { leftOut } from './enhancers.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A decorated method of a provider. */
export interface FoundConsumer {
  readonly wrapper: InstanceWrapper;
  readonly type: Type;
  readonly method: string;
  readonly policy: Policy;
}

/** Finds every consumer of the app, and refuses what can't work before anything starts. */
@Injectable()
export class ConsumerExplorer {
  #found: readonly FoundConsumer[] | undefined;

  constructor(
    @Inject(FUNQ_OPTIONS) private readonly options: FunqOptions,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly catalog: ConsumerCatalog,
    private readonly brokers: BrokerRegistry,
    private readonly config: ApplicationConfig,
  ) {
    catalog.exploreWith(() => this.explore());
  }

  explore(): readonly FoundConsumer[] {
    return (this.#found ??= this.#explore());
  }

  #explore(): readonly FoundConsumer[] {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const found = distinct(wrappers).flatMap((wrapper) => this.#consumersOf(wrapper));
    this.#refuseClashes(found);
    this.#refuseGraves(found);
    for (const consumer of found) {
      const { broker, handler } = consumer.policy;
      checkSupported(consumer.policy, this.brokers.get(broker, handler).outbox.broker, this.options.stores);
      this.#refuseUnguarded(consumer);
    }
    return found;
  }

  #consumersOf(wrapper: InstanceWrapper): FoundConsumer[] {
    const type = classOf(wrapper);
    if (!type?.prototype) return [];
    return this.scanner
      .getAllMethodNames(type.prototype as object)
      .filter((method) => consumerDefinition((type.prototype as Record<string, unknown>)[method]))
      .map((method) => ({ wrapper, type, method, policy: this.catalog.policyOf(type, method) }));
  }

  #refuseClashes(found: readonly FoundConsumer[]): void {
    const taken = new Map<string, FoundConsumer>();
    for (const consumer of found) {
      const { queue, broker } = consumer.policy;
      const other = taken.get(`${broker}/${queue}`);
      if (other) throw clash(consumer, other);
      taken.set(`${broker}/${queue}`, consumer);
    }
  }

  /** A dead letter is no task: its consumer could never read one, and would bury it again. */
  #refuseGraves(found: readonly FoundConsumer[]): void {
    for (const { policy } of found) {
      const buried = found.find(
        ({ policy: { deadLetter, broker } }) => deadLetter === policy.queue && broker === policy.broker,
      );
      if (buried) throw grave(policy, buried.policy);
    }
  }

  #refuseUnguarded(consumer: FoundConsumer): void {
    const enhancer = leftOut(consumer, this.config);
    if (enhancer === undefined) return;
    throw new FunqConfigError(
      'FUNQ_FEATURE_UNSUPPORTED',
      `${consumer.policy.handler}: Nest did not make this provider from its class, so it would leave out ${enhancer}; provide it by its class or useClass, or give the enhancer as an object`,
    );
  }
}

/** An object that is provided under several tokens counts once: as what Nest made from its class, where that is among them. */
function distinct(wrappers: readonly InstanceWrapper[]): readonly InstanceWrapper[] {
  const byInstance = new Map<unknown, InstanceWrapper>();
  for (const wrapper of wrappers) {
    const key: unknown = wrapper.instance ?? wrapper;
    if (!wrapper.isAlias && (!byInstance.has(key) || !wrapper.isNotMetatype)) byInstance.set(key, wrapper);
  }
  return [...byInstance.values()];
}

/** A scoped provider has no instance yet; one made by a factory has no class but its instance's, or its token. */
function classOf({ instance, metatype, isNotMetatype, token }: InstanceWrapper): Type | undefined {
  if (metatype && !isNotMetatype) return metatype as Type;
  if (instance === undefined || instance === null) return typeof token === 'function' ? (token as Type) : undefined;
  return (Object.getPrototypeOf(instance) as { constructor?: Type } | null)?.constructor;
}

function clash({ policy, type, method }: FoundConsumer, other: FoundConsumer): FunqConfigError {
  const { handler, queue, broker } = policy;
  const text =
    type === other.type && method === other.method
      ? `${handler} is provided twice, so it would consume queue '${queue}' twice; provide it in one module and export it, or alias it with useExisting`
      : `${handler} and ${other.policy.handler} both consume queue '${queue}' of broker '${broker}'; give one of them another queue`;
  return new FunqConfigError('FUNQ_CONSUMER_CLASH', text);
}

function grave({ handler, queue }: Policy, { handler: other }: Policy): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_CONSUMER_CLASH',
    `${handler} consumes queue '${queue}', where ${other} has its dead letters, which are no tasks; give one of them another queue. FunqDeadLetters lists and replays dead letters, and the event 'dead' tells of each`,
  );
}
