import { Module, type DynamicModule, type FactoryProvider, type Provider, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { JsonCodec } from '../core/codec/json.codec.js';
import { Events } from '../core/events.js';
import { SystemClock } from '../core/system-clock.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerCatalog } from './consumer.catalog.js';
import { ConsumerExplorer } from './consumer.explorer.js';
import { ConsumerRunner } from './consumer.runner.js';
import { FunqPublisher } from './funq.publisher.js';
import {
  readSettings,
  type ControlEntry,
  type FunqAsyncOptions,
  type FunqOptions,
  type FunqOptionsFactory,
  type FunqStatics,
} from './funq.options.js';
import {
  FUNQ_CLOCK,
  FUNQ_CODEC,
  FUNQ_CONTROLS,
  FUNQ_OPTIONS,
  FUNQ_SETTINGS,
  getBrokerToken,
  getStoreToken,
} from './funq.tokens.js';
import { HandlerFactory } from './handler.factory.js';
import { DEFAULT_CONTROLS } from './interceptors/order.js';
import type { Control } from './interceptors/control.js';
import { Presence } from './presence.js';
import { TaskLogger } from './task.logger.js';

/** Consumers live in a module of their own, because it starts and stops at another time than what they use. */
@Module({ imports: [DiscoveryModule], providers: [ConsumerExplorer, ConsumerRunner, HandlerFactory] })
class FunqConsumersModule {}

/**
 * Makes `@Consumer()` methods run and `FunqPublisher` injectable everywhere. Import it once, in the root module.
 *
 * @publicApi
 */
@Module({})
export class FunqModule {
  static forRoot(options: FunqOptions & FunqStatics): DynamicModule {
    readSettings(options); // A mistake shows where it was made, not when Nest resolves providers.
    return assemble([{ provide: FUNQ_OPTIONS, useValue: options }], Object.keys(options.brokers), options);
  }

  static forRootAsync(options: FunqAsyncOptions): DynamicModule {
    return assemble(asyncOptions(options), options.brokers ?? ['default'], options, options.imports);
  }
}

function assemble(
  optionProviders: Provider[],
  brokers: readonly string[],
  statics: FunqStatics,
  imports: DynamicModule['imports'] = [],
): DynamicModule {
  const entries = statics.controls ?? DEFAULT_CONTROLS;
  const shared: Provider[] = [
    derived(FUNQ_SETTINGS, readSettings),
    derived(FUNQ_CLOCK, ({ clock }) => clock ?? new SystemClock()),
    derived(FUNQ_CODEC, ({ codec }) => codec ?? new JsonCodec()),
    derived(getStoreToken('results'), ({ stores }) => stores?.results),
    derived(getStoreToken('coordination'), ({ stores }) => stores?.coordination),
    ...brokers.map((name) => derived(getBrokerToken(name), (options) => options.brokers[name])),
    { provide: Events, useFactory: () => new Events() },
    { provide: FUNQ_CONTROLS, useFactory: (...controls: Control[]) => controls, inject: entries.map(tokenOf) },
    BrokerRegistry,
    ConsumerCatalog,
    FunqPublisher,
    Presence,
  ];
  const controls = [...new Map(entries.map((entry) => [tokenOf(entry), entry])).values()];
  return {
    module: FunqModule,
    global: true,
    imports: [...imports, FunqConsumersModule],
    providers: [...optionProviders, ...shared, ...controls, ...(statics.extraProviders ?? []), TaskLogger],
    exports: [FUNQ_OPTIONS, ...shared, ...controls.map(tokenOf)],
  };
}

function asyncOptions({ useFactory, inject = [], useClass, useExisting }: FunqAsyncOptions): Provider[] {
  if (useFactory) return [{ provide: FUNQ_OPTIONS, useFactory, inject } as FactoryProvider];
  const factory = (useClass ?? useExisting)!;
  const create: Provider = {
    provide: FUNQ_OPTIONS,
    useFactory: (made: FunqOptionsFactory) => made.createFunqOptions(),
    inject: [factory],
  };
  return useClass ? [useClass, create] : [create];
}

function derived<T>(provide: string | symbol, useFactory: (options: FunqOptions) => T): FactoryProvider<T> {
  return { provide, useFactory, inject: [FUNQ_OPTIONS] };
}

function tokenOf(entry: ControlEntry): Type<Control> {
  return 'provide' in entry ? entry.provide : entry;
}
