import { Logger, type FactoryProvider, type Provider, type Type } from '@nestjs/common';
import type { Clock } from '../contracts/clock.js';
import { JsonCodec } from '../core/codec/json.codec.js';
import { Counters } from '../core/counters/counters.js';
import { Events } from '../core/events.js';
import { PunctualStore } from '../core/punctual-store.js';
import { SharedSettings } from '../core/shared-settings.js';
import { SystemClock } from '../core/system-clock.js';
import { BrokerRegistry } from './broker.registry.js';
import { ConsumerCatalog } from './consuming/consumer.catalog.js';
import { FunqConsumers } from './consuming/funq.consumers.js';
import { FunqCounters } from './counters/funq.counters.js';
import { FunqDeadLetters } from './dead-letters/funq.dead-letters.js';
import { readSettings, type ControlEntry, type FunqOptions, type FunqStage } from './funq.options.js';
import {
  FUNQ_CLOCK,
  FUNQ_CODEC,
  FUNQ_CONTROLS,
  FUNQ_COORDINATION,
  FUNQ_GIVEN,
  FUNQ_OPTIONS,
  FUNQ_SETTINGS,
  FUNQ_STAGE,
  getBrokerToken,
  getStoreToken,
} from './funq.tokens.js';
import type { Control } from './interceptors/control.js';
import { brief } from './logging/task.logger.js';
import { Presence } from './presence.js';
import { FunqPublisher } from './publishing/funq.publisher.js';
import { FunqScheduler } from './schedules/funq.scheduler.js';
import { ScheduleBook } from './schedules/schedule.book.js';
import { RegistryMirror } from './schedules/schedule.mirror.js';
import { ScheduleRunner } from './schedules/schedule.runner.js';

const STAGE = { token: FUNQ_STAGE, optional: true };

/** What `FunqModule` provides to the whole app, made of the options under `FUNQ_GIVEN`. */
export function sharedProviders(brokers: readonly string[], controls: readonly ControlEntry[]): Provider[] {
  return [
    {
      provide: FUNQ_OPTIONS,
      useFactory: (given: FunqOptions, stage?: FunqStage) => stage?.options(given) ?? given,
      inject: [FUNQ_GIVEN, STAGE],
    },
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
    {
      provide: FUNQ_CONTROLS,
      useFactory: (stage?: FunqStage, ...chosen: Control[]) => stage?.controls(chosen) ?? chosen,
      inject: [STAGE, ...controls.map(tokenOf)],
    },
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
    FunqDeadLetters,
    Presence,
    ScheduleBook,
    RegistryMirror,
    ScheduleRunner,
    FunqScheduler,
  ];
}

export function tokenOf(entry: ControlEntry): Type<Control> {
  return 'provide' in entry ? entry.provide : entry;
}

function derived<T>(provide: string | symbol, useFactory: (options: FunqOptions) => T): FactoryProvider<T> {
  return { provide, useFactory, inject: [FUNQ_OPTIONS] };
}

function listenerFailed(error: unknown): void {
  try {
    new Logger('Funq').error(`A listener to the engine's events failed: ${brief(error)}`);
  } catch {
    // It was the logger that failed: there is nobody left to tell.
  }
}
