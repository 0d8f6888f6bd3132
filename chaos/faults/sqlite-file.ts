import { createRequire } from 'node:module';
import { join } from 'node:path';

/** As much of a database as a fault needs. */
export interface SqliteFile {
  exec(sql: string): unknown;
  close(): unknown;
}

/** The broker's file, opened beside it as any other program could. */
export function openFile(folder: string): SqliteFile {
  const builtin = process.getBuiltinModule('node:sqlite') as { DatabaseSync: Driver } | undefined;
  const Database = builtin?.DatabaseSync ?? (createRequire(import.meta.url)('libsql') as Driver);
  return new Database(join(folder, 'funq.db'));
}

type Driver = new (file: string) => SqliteFile;
