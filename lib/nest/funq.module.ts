import {
  Inject,
  Logger,
  Module,
  Optional,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import type { Clock } from '../contracts/clock.js';
import { JsonCodec } from '../core/codec/json.codec.js';
import { FunqConfigError } from '../core/errors.js';
import { Counters } from '../core/counters.js';
import { Events } from '../core/events.js';
import { PunctualStore } from '../core/punctual-store.js';
import { SharedSettings } from '../core/shared-settings.js';
import { SystemClock } from '../core/system-clock.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerCatalog } from './consumer.catalog.js';
import { ConsumerExplorer } from './consumer.explorer.js';
import { ConsumerRunner } from './consumer.runner.js';
import { FunqConsumers } from './funq.consumers.js';
import { CounterReport } from './counter.report.js';
import { FunqCounters } from './funq.counters.js';
import { FunqPublisher } from './funq.publisher.js';
import { FunqScheduler } from './funq.scheduler.js';
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
  FUNQ_COORDINATION,
  FUNQ_OPTIONS,
  FUNQ_SETTINGS,
  getBrokerToken,
  getStoreToken,
} from './funq.tokens.js';
import { HandlerFactory } from './handler.factory.js';
import { DEFAULT_CONTROLS } from './interceptors/order.js';
import type { Control } from './interceptors/control.js';
import { Presence } from './presence.js';
import { ScheduleBook } from './schedule.book.js';
import { RegistryMirror } from './schedule.mirror.js';
import { ScheduleRunner } from './schedule.runner.js';
import { TaskLogger, brief } from './task.logger.js';

/** Consumers live in a module of their own, because it starts and stops at another time than what they use. */
@Module({ imports: [DiscoveryModule], providers: [ConsumerExplorer, ConsumerRunner, HandlerFactory] })
class FunqConsumersModule {
  constructor(modules: ModulesContainer) {
    const all = [...modules.values()];
    const configured = all.filter(({ providers }) => providers.has(FUNQ_OPTIONS)).length;
    if (configured > 1)
      throw misused(`is imported with ${configured} sets of options; import it once, in the root module`);
    // Nest runs hooks by a module's distance from the root: the nearest is started last and stopped first.
    for (const module of all) if (module.metatype === FunqConsumersModule) module.distance = -1;
  }
}

/**
 * Makes `@Consumer()` methods run and `FunqPublisher` injectable everywhere. Import it once, in the root module.
 *
 * @publicApi
 */
@Module({})
export class FunqModule {
  constructor(@Optional() @Inject(FUNQ_OPTIONS) options?: FunqOptions) {
    if (!options) throw misused('has no options; import FunqModule.forRoot() or forRootAsync() in the root module');
  }

  static forRoot(options: FunqOptions & FunqStatics): DynamicModule {
    const { controls, extraProviders, ...own } = options ?? {};
    // A mistake shows where it was made, not when Nest resolves providers.
    const useValue = checked(own);
    return assemble([{ provide: FUNQ_OPTIONS, useValue }], Object.keys(own.brokers), { controls, extraProviders });
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
    {
      provide: FUNQ_COORDINATION,
      useFactory: ({ stores }: FunqOptions, clock: Clock) =>
        stores?.coordination && new PunctualStore(stores.coordination, clock),
      inject: [FUNQ_OPTIONS, FUNQ_CLOCK],
    },
    ...brokers.map((name) => derived(getBrokerToken(name), (options) => options.brokers[name])),
    { provide: Events, useFactory: () => new Events(listenerFailed) },
    { provide: FUNQ_CONTROLS, useFactory: (...controls: Control[]) => controls, inject: entries.map(tokenOf) },
    {
      provide: SharedSettings,
      useFactory: (store: PunctualStore | undefined, clock: Clock, events: Events) =>
        new SharedSettings(store, clock, events),
      inject: [{ token: FUNQ_COORDINATION, optional: true }, FUNQ_CLOCK, Events],
    },
    BrokerRegistry,
    ConsumerCatalog,
    FunqConsumers,
    {
      provide: Counters,
      useFactory: (events: Events, clock: Clock, catalog: ConsumerCatalog) =>
        new Counters(events, clock, (broker, queue) => catalog.knows(broker, queue)),
      inject: [Events, FUNQ_CLOCK, ConsumerCatalog],
    },
    FunqCounters,
    FunqPublisher,
    Presence,
    ScheduleBook,
    RegistryMirror,
    ScheduleRunner,
    FunqScheduler,
  ];
  const controls = [...new Map(entries.map((entry) => [tokenOf(entry), entry])).values()];
  return {
    module: FunqModule,
    global: true,
    imports: [...imports, FunqConsumersModule],
    providers: [
      ...optionProviders,
      ...shared,
      ...controls,
      ...(statics.extraProviders ?? []),
      TaskLogger,
      CounterReport,
    ],
    exports: [FUNQ_OPTIONS, ...shared, ...controls.map(tokenOf)],
  };
}

function asyncOptions({ useFactory, inject = [], useClass, useExisting, brokers }: FunqAsyncOptions): Provider[] {
  const provide = FUNQ_OPTIONS;
  if (useFactory) {
    return [{ provide, useFactory: async (...args: never[]) => checked(await useFactory(...args), brokers), inject }];
  }
  const made = useClass ?? useExisting;
  if (!made) throw misused('.forRootAsync() needs useFactory, useClass or useExisting');
  const create = async (factory: FunqOptionsFactory) => checked(await factory.createFunqOptions(), brokers);
  return [...(useClass ? [useClass] : []), { provide, useFactory: create, inject: [made] }];
}

function checked(options: FunqOptions, told: readonly string[] = []): FunqOptions {
  readSettings(options);
  const unknown = told.find((name) => !options.brokers[name]);
  if (unknown === undefined) return options;
  throw new FunqConfigError(
    'FUNQ_BROKER_UNKNOWN',
    `FunqModule: the factory gave no broker '${unknown}', which forRootAsync({ brokers }) names`,
  );
}

function listenerFailed(error: unknown): void {
  try {
    new Logger('Funq').error(`A listener to the engine's events failed: ${brief(error)}`);
  } catch {
    // It was the logger that failed: there is nobody left to tell.
  }
}

function misused(why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `FunqModule ${why}`);
}

function derived<T>(provide: string | symbol, useFactory: (options: FunqOptions) => T): FactoryProvider<T> {
  return { provide, useFactory, inject: [FUNQ_OPTIONS] };
}

function tokenOf(entry: ControlEntry): Type<Control> {
  return 'provide' in entry ? entry.provide : entry;
}
