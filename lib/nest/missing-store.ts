import { FunqConfigError } from '../core/errors.js';

const EXAMPLES = { coordination: 'sqliteCoordination({ file })', results: 'sqliteResults({ file })' };

/** Found at start-up for what a consumer asks, and when it runs for what a task asks. */
export function missingStore(handler: string, option: string, store: keyof typeof EXAMPLES): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_STORE_MISSING',
    `${handler}: ${option} needs a store: FunqModule.forRoot({ stores: { ${store}: ${EXAMPLES[store]} } })`,
  );
}
