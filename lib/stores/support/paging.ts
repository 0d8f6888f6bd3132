import { driverError } from '../../brokers/support/driver-error.js';
import type { ResultQuery } from '../../contracts/stores.js';

const DEFAULT_LIMIT = 100;
const HIGHEST_LIMIT = 1000;

/** Which of the records that were found are wanted. Throws `FUNQ_RESULTS_QUERY` for what is no number of records. */
export function pageOf({ limit = DEFAULT_LIMIT, skip = 0 }: ResultQuery): {
  readonly limit: number;
  readonly skip: number;
} {
  for (const [name, value] of Object.entries({ limit, skip }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw driverError(
        'FUNQ_RESULTS_QUERY',
        `results: \`${name}\` is ${String(value)}, but must be a whole number from 0`,
      );
  return { limit: Math.min(limit, HIGHEST_LIMIT), skip };
}
