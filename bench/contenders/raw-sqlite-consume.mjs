import { body, bound, openTable, transaction } from '../support/raw-sqlite.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** Claims `batch` in one transaction, deletes them in another: the least that a queue does which loses nothing when it dies in between. */
export async function measure({ tasks, batch = 100 }) {
  const database = openTable();
  const prepare = (sql) => database.prepare(sql);
  const insert = prepare('INSERT INTO tasks (queue, body) VALUES (?, ?)');
  const next = prepare('SELECT seq, body FROM tasks WHERE queue = ? AND owner IS NULL ORDER BY seq LIMIT ?');
  const claim = prepare('UPDATE tasks SET owner = 1 WHERE seq IN (SELECT value FROM json_each(?))');
  const remove = prepare('DELETE FROM tasks WHERE seq IN (SELECT value FROM json_each(?)) AND +owner = 1');
  const fill = (count) =>
    transaction(database, () => {
      for (let index = 0; index < count; index++) insert.run(...bound(['bench', body(index)]));
    });
  const consume = () => {
    for (let taken = batch; taken === batch;) {
      let seqs;
      transaction(database, () => {
        const rows = next.all(...bound(['bench', batch]));
        taken = rows.length;
        seqs = JSON.stringify(rows.map(({ seq }) => seq));
        claim.run(...bound([seqs]));
      });
      transaction(database, () => remove.run(...bound([seqs])));
    }
  };
  const drained = (count) => {
    fill(count);
    return timed(count, consume);
  };
  return warmed(() => drained(tasks / 4), () => drained(tasks)); // prettier-ignore
}
