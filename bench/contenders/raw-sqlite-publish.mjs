import { body, bound, openTable, transaction } from '../support/raw-sqlite.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** Rows in one statement: binding many at once halves the cost of each. */
const ROWS = 16;

/** The best that plain SQL does on this driver: `batch` rows a transaction. */
export async function measure({ tasks, batch = 512 }) {
  const database = openTable();
  const insert = database.prepare(`INSERT INTO tasks (queue, body) VALUES ${Array(ROWS).fill('(?, ?)').join()}`);
  const rows = (from) => Array.from({ length: ROWS }, (_, index) => ['bench', body(from + index)]).flat();
  const publish = (count) => {
    for (let from = 0; from < count; from += batch) {
      const end = Math.min(from + batch, count);
      transaction(database, () => {
        for (let row = from; row < end; row += ROWS) insert.run(...bound(rows(row)));
      });
    }
  };
  return warmed(
    () => publish(tasks / 4),
    () => timed(tasks, () => publish(tasks)),
  );
}
