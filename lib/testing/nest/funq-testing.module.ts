import {
  Global,
  Module,
  type DynamicModule,
  type InjectionToken,
  type OptionalFactoryDependency,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { memory } from '../../brokers/memory.js';
import { FunqConfigError } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { ConsumerCatalog } from '../../nest/consuming/consumer.catalog.js';
import { FunqModule } from '../../nest/funq.module.js';
import { FUNQ_CONTROLS, FUNQ_STAGE } from '../../nest/funq.tokens.js';
import { memoryCoordination, memoryResults } from '../../stores/memory.js';
import { ManualClock } from '../manual-clock.js';
import { FunqTesting } from './funq-testing.js';
import { Pulse } from './pulse.js';
import { RunRecorder } from './run-recorder.js';
import { Stepper } from './stepper.js';
import {
  TESTING_OPTIONS,
  clockOf,
  patienceOf,
  stage,
  type FunqTestingOptions,
  type FunqTestingRootOptions,
} from './testing.options.js';
import { Traffic } from './traffic.js';

/**
 * Everything in memory and on a clock that tests move by hand; {@link FunqTesting} moves it, and tells what happened.
 *
 * `imports: [AppModule, FunqTestingModule]` takes the app as it is, whatever brokers and stores it was written for, and
 * `forApp({ … })` the same with other options. `forRoot({ … })` is for a few providers without their app: it stands for
 * `FunqModule.forRoot()`, with stores of both kinds.
 *
 * @publicApi
 */
@Global()
@Module({
  providers: [
    { provide: TESTING_OPTIONS, useValue: {} },
    { provide: ManualClock, useFactory: clockOf, inject: [TESTING_OPTIONS] },
    { provide: Pulse, useFactory: () => new Pulse() },
    { provide: Traffic, useFactory: (pulse: Pulse) => new Traffic(pulse), inject: [Pulse] },
    {
      provide: RunRecorder,
      useFactory: (clock: ManualClock, pulse: Pulse) => new RunRecorder(clock, pulse),
      inject: [ManualClock, Pulse],
    },
    { provide: FUNQ_STAGE, useFactory: stage, inject: [TESTING_OPTIONS, ManualClock, Traffic, RunRecorder] },
    {
      provide: Stepper,
      useFactory: (
        clock: ManualClock,
        pulse: Pulse,
        recorder: RunRecorder,
        options: FunqTestingOptions,
        events?: Events,
      ) => {
        if (!events) throw alone();
        recorder.listen(events);
        return new Stepper(clock, pulse, recorder, patienceOf(options));
      },
      inject: [ManualClock, Pulse, RunRecorder, TESTING_OPTIONS, optional(Events)],
    },
    {
      provide: FunqTesting,
      useFactory: (...parts: ConstructorParameters<typeof FunqTesting>) => new FunqTesting(...parts),
      inject: [ManualClock, Stepper, Traffic, RunRecorder, optional(ConsumerCatalog), optional(FUNQ_CONTROLS)],
    },
  ],
  exports: [FUNQ_STAGE, ManualClock, FunqTesting],
})
export class FunqTestingModule {
  constructor(modules: ModulesContainer) {
    // Stopped before everything else: the clock must go on while tasks come to their end.
    for (const module of modules.values()) if (module.metatype === FunqTestingModule) module.distance = -2;
  }

  /** In the place of `FunqModule.forRoot()`. Default: a broker `default`, both stores, all in memory. */
  static forRoot({ clock, start, patience, ...options }: FunqTestingRootOptions = {}): DynamicModule {
    const { controls, extraProviders, ...given } = options;
    const parts = {
      brokers: { default: memory() },
      stores: { results: memoryResults(), coordination: memoryCoordination() },
    };
    const funq = FunqModule.forRoot({
      ...parts,
      ...given,
      ...(controls && { controls }),
      ...(extraProviders && { extraProviders }),
    });
    const wanted: FunqTestingOptions = { ...given, clock, start, patience };
    return { module: FunqTestingModule, imports: [funq], providers: [{ provide: TESTING_OPTIONS, useValue: wanted }] };
  }

  /** Beside an app that has its own `FunqModule`: what is given here wins over the app's options. */
  static forApp(options: FunqTestingOptions): DynamicModule {
    return { module: FunqTestingModule, providers: [{ provide: TESTING_OPTIONS, useValue: options }] };
  }
}

/** What `FunqModule` provides; that it is missing is told in our own words. */
function optional(token: InjectionToken): OptionalFactoryDependency {
  return { token, optional: true };
}

function alone(): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    'FunqTestingModule found no FunqModule: import it beside the app, or use FunqTestingModule.forRoot() for providers without one',
  );
}
