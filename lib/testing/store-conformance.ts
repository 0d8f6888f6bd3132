import type { CoordinationStore, ResultStore, Store, TaskResult } from '../contracts/stores.js';
import { casesOf, type ConformanceCase } from './conformance.js';
import { filterCases } from './store/filter.js';
import { lastingCoordination, lastingResults } from './store/lasting.js';
import { presenceCases } from './store/presence.js';
import { rateCases } from './store/rate.js';
import { resultCases } from './store/results.js';
import { settingsCases } from './store/settings.js';
import { storeCases, StoreTrial, type StoreFacts } from './store/trial.js';

export interface StoreConformanceOptions<S extends Store> {
  /** A new, unconnected store at every call; over the same storage where it is `durable` or `shared`. */
  create(): S;
  /**
   * Whether all of the store's time is that of the clock given to `connect`. Its cases then move a clock by hand and are
   * exact to the millisecond; otherwise they wait in real time. Default: false.
   */
  readonly followsClock?: boolean;
}

export interface ResultConformanceOptions extends StoreConformanceOptions<ResultStore> {
  /** A record that the store refuses: one beyond its size limit, say. Without it that one case is skipped. */
  readonly refused?: TaskResult;
}

/**
 * What a {@link CoordinationStore} must do, as tests for any runner.
 *
 * ```ts
 * conforms('acme', coordinationConformance({ create: () => acmeCoordination({ url }) }), { describe, it });
 * ```
 */
export function coordinationConformance(options: StoreConformanceOptions<CoordinationStore>): ConformanceCase[] {
  const facts = factsOf(options);
  const requirements = [
    ...storeCases<CoordinationStore>((store) => store.claim('conformance', 'nobody', 1)),
    ...filterCases(facts.followsClock),
    ...rateCases(),
    ...presenceCases(),
    ...settingsCases(),
    ...lastingCoordination(facts),
  ];
  return casesOf(requirements, () => new StoreTrial(facts));
}

/**
 * What a {@link ResultStore} must do, as tests for any runner.
 *
 * ```ts
 * conforms('acme', resultConformance({ create: () => acmeResults({ url }) }), { describe, it });
 * ```
 */
export function resultConformance(options: ResultConformanceOptions): ConformanceCase[] {
  const facts = factsOf(options);
  const requirements = [
    ...storeCases<ResultStore>((store) => store.find('conformance')),
    ...resultCases(options.refused),
    ...lastingResults(facts),
  ];
  return casesOf(requirements, () => new StoreTrial(facts));
}

function factsOf<S extends Store>({ create, followsClock = false }: StoreConformanceOptions<S>): StoreFacts<S> {
  const { durable, shared } = create();
  return { create, followsClock, durable, shared };
}
