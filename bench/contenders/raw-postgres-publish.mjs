import { INSERT, openTable } from '../support/postgres.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** `batch` rows in one statement, the next when the one before is stored. */
export async function measure({ tasks, batch = 500 }) {
  const client = await openTable();
  const publish = async (count) => {
    for (let at = 0; at < count; at += batch) {
      const bodies = Array.from({ length: batch }, (_, index) => body(at + index));
      await client.query({ ...INSERT, values: ['bench', bodies] });
    }
  };
  return warmed(() => publish(tasks / 4), () => timed(tasks, () => publish(tasks))); // prettier-ignore
}
