import { Inject, Injectable, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { Broker } from '../contracts/broker.js';
import type { Policy } from '../contracts/policy.js';
import { FunqConfigError } from '../core/errors.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerCatalog } from './consumer.catalog.js';
import { consumerDefinition } from './consumer.decorator.js';
import { FUNQ_OPTIONS } from './funq.tokens.js';
import type { FunqOptions } from './funq.options.js';

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
  constructor(
    @Inject(FUNQ_OPTIONS) private readonly options: FunqOptions,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly catalog: ConsumerCatalog,
    private readonly brokers: BrokerRegistry,
  ) {}

  explore(): readonly FoundConsumer[] {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const found = wrappers.filter((wrapper) => !wrapper.isAlias).flatMap((wrapper) => this.#consumersOf(wrapper));
    this.#refuseClashes(found);
    for (const { policy } of found) this.#refuseUnsupported(policy);
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
      const { queue, broker, handler } = consumer.policy;
      const other = taken.get(`${broker}/${queue}`);
      if (other) {
        const same = other.type === consumer.type && other.method === consumer.method;
        const remedy = same
          ? 'the class is provided in two modules: provide it in one and export it'
          : 'give one of them another queue';
        throw new FunqConfigError(
          'FUNQ_CONSUMER_CLASH',
          `${handler} and ${other.policy.handler} both consume queue '${queue}' of broker '${broker}'; ${remedy}`,
        );
      }
      taken.set(`${broker}/${queue}`, consumer);
    }
  }

  #refuseUnsupported({ handler, broker: name, ...policy }: Policy): void {
    const { broker } = this.brokers.get(name, handler).outbox;
    const { delay, priority, redelivery } = broker.features;
    if (policy.priority > 0 && !priority) throw unsupported(handler, 'priority', name, broker);
    if (policy.retry && policy.retry.delay > 1000 && !delay)
      throw unsupported(handler, 'retry.delay above 1s', name, broker);
    if (policy.maxDeliveries !== 5 && redelivery === 'none') throw unsupported(handler, 'maxDeliveries', name, broker);
    const stores = this.options.stores ?? {};
    if (policy.filter && !stores.coordination)
      throw missing(handler, 'filter', 'coordination', 'sqliteCoordination({ file })');
    if (policy.rate?.scope === 'shared' && !stores.coordination)
      throw missing(handler, "rate.scope 'shared'", 'coordination', 'sqliteCoordination({ file })');
    if (policy.persist && !stores.results) throw missing(handler, 'persist', 'results', 'sqliteResults({ file })');
  }
}

/** A scoped provider has no instance yet; one made by a factory has no class but its instance's. */
function classOf({ instance, metatype, isNotMetatype }: InstanceWrapper): Type | undefined {
  if (metatype && !isNotMetatype) return metatype as Type;
  return (instance as object | undefined | null)?.constructor as Type | undefined;
}

function unsupported(handler: string, option: string, name: string, { kind }: Broker): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `${handler}: broker '${name}' (${kind}) can't honour ${option}; leave it out, or move the consumer to a broker that can, such as sqlite`,
  );
}

function missing(handler: string, option: string, store: string, example: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_STORE_MISSING',
    `${handler}: ${option} needs a store: FunqModule.forRoot({ stores: { ${store}: ${example} } })`,
  );
}
