import { createRequire } from 'node:module';
import { temporaryFile } from './brokers.mjs';

const builtin = process.getBuiltinModule?.('node:sqlite');

/** The driver that funq takes on this Node, and a table that holds nothing but what queues need. */
export function openTable() {
  const Database = builtin?.DatabaseSync ?? createRequire(import.meta.url)('libsql');
  const database = new Database(temporaryFile());
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('CREATE TABLE tasks (seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, owner INTEGER, body BLOB)');
  database.exec('CREATE INDEX ready ON tasks (queue, seq) WHERE owner IS NULL');
  return database;
}

/** Parameters as the driver takes them: libsql wants one list, Node's own none. */
export const bound = (values) => (builtin ? values : [values]);

export function transaction(database, work) {
  database.exec('BEGIN IMMEDIATE');
  work();
  database.exec('COMMIT');
}

/** What funq's codec writes for a task with one number. */
export function body(index) {
  return Buffer.from(
    `{"v":1,"id":"4e0b9a3e-7c1d-4b52-8f0e-1f9f3a6d2c11","args":[${index}],"publishedAt":1767225600000,"attempt":1}`,
  );
}
