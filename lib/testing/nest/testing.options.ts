import type { Broker } from '../../contracts/broker.js';
import { JsonCodec } from '../../core/codec/json.codec.js';
import { FunqConfigError } from '../../core/errors.js';
import type { FunqOptions, FunqStage, FunqStatics } from '../../nest/funq.options.js';
import { memoryCoordination, memoryResults } from '../../stores/memory.js';
import { ManualClock } from '../manual-clock.js';
import type { RunRecorder } from './run-recorder.js';
import { testBroker } from './test-broker.js';
import type { Traffic } from './traffic.js';

/** What a test wants otherwise than the app has it. @publicApi */
export interface FunqTestingOptions extends Partial<Omit<FunqOptions, 'clock'>> {
  /** Default: a new one. */
  clock?: ManualClock;
  /** The time at which the test begins. Default: 2026-01-01T00:00:00Z. */
  start?: Date | number;
  /** Milliseconds of real time that a running handler may be silent before the clock moves on without it. Default: 100. */
  patience?: number;
}

/** @publicApi */
export interface FunqTestingRootOptions extends FunqTestingOptions, FunqStatics {}

export const TESTING_OPTIONS = Symbol('FUNQ_TESTING_OPTIONS');

export function clockOf({ clock, start }: FunqTestingOptions): ManualClock {
  if (clock instanceof ManualClock) return clock;
  if (clock !== undefined) throw invalid('clock', 'must be a ManualClock');
  const epoch = start instanceof Date ? start.getTime() : start;
  if (epoch !== undefined && !Number.isFinite(epoch))
    throw invalid('start', 'must be a date, or milliseconds since the epoch');
  return new ManualClock(epoch);
}

export function patienceOf({ patience = 100 }: FunqTestingOptions): number {
  if (typeof patience === 'number' && patience >= 0 && patience <= 3_600_000) return patience;
  throw invalid('patience', 'must be milliseconds, 0 to 3,600,000');
}

/** The app's options with brokers, stores and clock of the test. Brokers keep their names, and what they can't do. */
export function stage(
  { clock: _clock, start: _start, patience: _patience, ...options }: FunqTestingOptions,
  clock: ManualClock,
  traffic: Traffic,
  recorder: RunRecorder,
): FunqStage {
  const wanted: Partial<FunqOptions> = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  return {
    options: (given) => {
      const codec = wanted.codec ?? given.codec ?? new JsonCodec();
      const standIn = (name: string, broker: Broker) => testBroker(name, broker, traffic, codec);
      const brokers = Object.entries(given.brokers).map(([name, broker]) => [name, standIn(name, broker)]);
      return {
        ...given,
        ...wanted,
        clock,
        brokers: { ...(Object.fromEntries(brokers) as FunqOptions['brokers']), ...wanted.brokers },
        stores: wanted.stores ?? {
          ...(given.stores?.results && { results: memoryResults() }),
          ...(given.stores?.coordination && { coordination: memoryCoordination() }),
        },
      };
    },
    controls: (chosen) => [...chosen, recorder],
  };
}

function invalid(option: string, why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `FunqTestingModule: ${option} ${why}`);
}
