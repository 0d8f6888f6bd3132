// The pulse module of a broker on SQLite, with a defect.
import { createRequire } from 'node:module';

const builtin = process.getBuiltinModule?.('node:sqlite');
const Database = builtin ? builtin.DatabaseSync : createRequire(import.meta.url)('libsql');

export async function openPulse({ file, defect }) {
  const database = new Database(file);
  database.exec('PRAGMA busy_timeout = 1000');
  return {
    async beat(ids) {
      if (defect === 'greedy') database.exec(`UPDATE funq_tasks SET owner = ${ids[0]}`);
    },
    close: async () => void database.close(),
  };
}
