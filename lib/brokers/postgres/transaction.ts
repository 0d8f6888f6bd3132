import { driverError } from '../support/driver-error.js';
import type { Row } from './database.js';
import { explain } from './error.js';
import type { Run } from './tasks.js';

/** What runs statements in the caller's transaction: a client of pg, or TypeORM's query runner or entity manager. */
interface Querying {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Runs statements in the caller's transaction. Throws `FUNQ_POSTGRES_TRANSACTION` for what can't run any. */
export function inTransaction(transaction: unknown, address: string): Run {
  if (!canQuery(transaction)) {
    const message = `'transaction' must be the pg client whose transaction it is, or something else with query(text, values)`;
    throw driverError('FUNQ_POSTGRES_TRANSACTION', message);
  }
  return async ({ text }, values) => {
    try {
      return rowsOf(await transaction.query(text, [...values]));
    } catch (error) {
      throw explain(error, address);
    }
  };
}

function canQuery(value: unknown): value is Querying {
  return typeof (value as Partial<Querying> | null)?.query === 'function';
}

/** pg answers with an object that has rows, TypeORM with the rows; both with an object for each. */
function rowsOf(answer: unknown): readonly Row[] {
  const rows = Array.isArray(answer) ? (answer as unknown[]) : ((answer as { rows?: unknown[] }).rows ?? []);
  return rows.map((row) => Object.values(row as object));
}
