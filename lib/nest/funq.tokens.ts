/** Injection tokens. Symbols, so that no two libraries can mean different things by one. */
export const FUNQ_OPTIONS = Symbol('FUNQ_OPTIONS');
/** The options as the app gave them, and what a test kit puts in their place. */
export const FUNQ_GIVEN = Symbol('FUNQ_GIVEN');
export const FUNQ_STAGE = Symbol('FUNQ_STAGE');
export const FUNQ_CONTROLS = Symbol('FUNQ_CONTROLS');
export const FUNQ_CLOCK = Symbol('FUNQ_CLOCK');
/** The coordination store as the library itself asks it: with a deadline. */
export const FUNQ_COORDINATION = Symbol('FUNQ_COORDINATION');
export const FUNQ_CODEC = Symbol('FUNQ_CODEC');
export const FUNQ_SETTINGS = Symbol('FUNQ_SETTINGS');

/** Token of a named broker, as `forRoot({ brokers })` names it. */
export function getBrokerToken(name = 'default'): string {
  return `FUNQ_BROKER:${name}`;
}

/** Token of a store: `'results'` or `'coordination'`. */
export function getStoreToken(name: 'results' | 'coordination'): string {
  return `FUNQ_STORE:${name}`;
}

/** The `ExecutionContext` type of tasks: `context.getType() === 'funq'`. */
export const FUNQ_CONTEXT = 'funq';
