import { Inject, Module, Optional, type DynamicModule, type Provider } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { FunqConfigError } from '../core/errors.js';
import { ConsumerExplorer } from './consuming/consumer.explorer.js';
import { ConsumerRunner } from './consuming/consumer.runner.js';
import { HandlerFactory } from './consuming/handler.factory.js';
import { CounterReport } from './counters/counter.report.js';
import { DeadLetterPlaces } from './dead-letters/dead-letter.places.js';
import {
  readSettings,
  type FunqAsyncOptions,
  type FunqOptions,
  type FunqOptionsFactory,
  type FunqStatics,
} from './funq.options.js';
import { sharedProviders, tokenOf } from './funq.providers.js';
import { FUNQ_GIVEN, FUNQ_OPTIONS } from './funq.tokens.js';
import { DEFAULT_CONTROLS } from './interceptors/order.js';
import { TaskLogger } from './logging/task.logger.js';

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
    return assemble([{ provide: FUNQ_GIVEN, useValue }], Object.keys(own.brokers), { controls, extraProviders });
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
  const shared = sharedProviders(brokers, entries);
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
      DeadLetterPlaces,
      TaskLogger,
      CounterReport,
    ],
    exports: [...shared, ...controls.map(tokenOf)],
  };
}

function asyncOptions({ useFactory, inject = [], useClass, useExisting, brokers }: FunqAsyncOptions): Provider[] {
  const provide = FUNQ_GIVEN;
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

function misused(why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `FunqModule ${why}`);
}
