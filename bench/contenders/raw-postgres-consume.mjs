import { CLAIM, INSERT, openTable, REMOVE } from '../support/postgres.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** Claims `batch` in one statement, deletes them in another: the least that a queue does which loses nothing when it dies in between. */
export async function measure({ tasks, batch = 100 }) {
  const client = await openTable();
  const consume = async () => {
    for (let taken = batch; taken === batch;) {
      const { rows } = await client.query({ ...CLAIM, values: ['bench', batch] });
      taken = rows.length;
      await client.query({ ...REMOVE, values: [rows.map(({ seq }) => seq)] });
    }
  };
  const drained = async (count) => {
    for (let at = 0; at < count; at += 500) {
      const bodies = Array.from({ length: 500 }, (_, index) => body(at + index));
      await client.query({ ...INSERT, values: ['bench', bodies] });
    }
    globalThis.gc?.();
    return timed(count, consume);
  };
  return warmed(() => drained(tasks / 4), () => drained(tasks)); // prettier-ignore
}
