import { Inject, Injectable, type Type } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { Broker } from '../contracts/broker.js';
import type { Policy } from '../contracts/policy.js';
import { backoff } from '../core/backoff.js';
import { FunqConfigError } from '../core/errors.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerCatalog } from './consumer.catalog.js';
import { consumerDefinition } from './consumer.decorator.js';
import { leftOut } from './enhancers.js';
import { FUNQ_OPTIONS } from './funq.tokens.js';
import type { FunqOptions } from './funq.options.js';
import { missingStore } from './missing-store.js';

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
      this.#refuseUnsupported(consumer.policy);
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

  #refuseUnsupported({ handler, broker: name, ...policy }: Policy): void {
    const { broker } = this.brokers.get(name, handler).outbox;
    const { delay, priority, redelivery } = broker.features;
    if (policy.priority > 0 && !priority) throw unsupported(handler, 'priority', name, broker);
    if (policy.retry && backoff(policy.retry.times, { ...policy.retry, jitter: 0 }) > 1000 && !delay)
      throw unsupported(handler, 'retry.delay above 1s', name, broker);
    if (policy.maxDeliveries !== 5 && redelivery === 'none') throw unsupported(handler, 'maxDeliveries', name, broker);
    const stores = this.options.stores ?? {};
    if (policy.filter && !stores.coordination) throw missingStore(handler, 'filter', 'coordination');
    const scope = policy.rate && policy.rate.scope !== 'process' ? `rate.scope '${policy.rate.scope}'` : undefined;
    if (scope && !stores.coordination) throw missingStore(handler, scope, 'coordination');
    if (broker.features.shared && stores.coordination && !stores.coordination.shared) {
      if (policy.filter) throw unshared(handler, 'filter', name, stores.coordination.kind);
      if (scope) throw unshared(handler, scope, name, stores.coordination.kind);
    }
    if (policy.persist && !stores.results) throw missingStore(handler, 'persist', 'results');
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

/** It would hold in each process by itself, and nobody would notice. */
function unshared(handler: string, option: string, name: string, kind: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `${handler}: broker '${name}' is shared by processes, but the coordination store (${kind}) is not, so ${option} would hold in each process alone; use a shared one such as sqliteCoordination({ file })`,
  );
}

function unsupported(handler: string, option: string, name: string, { kind }: Broker): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `${handler}: broker '${name}' (${kind}) can't honour ${option}; leave it out, or move the consumer to a broker that can, such as sqlite`,
  );
}
