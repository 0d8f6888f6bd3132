import { createRequire } from 'node:module';
import { sqliteError } from './error.js';

export type SqliteValue = string | number | null | Uint8Array;
export type SqliteRow = Record<string, SqliteValue>;

/** A database that the application opened itself: `Database` of better-sqlite3 or libsql, `DatabaseSync` of `node:sqlite`. */
export interface SqliteHandle {
  prepare(sql: string): SqliteHandleStatement;
  exec(sql: string): unknown;
  close(): unknown;
}

export interface SqliteHandleStatement {
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): { readonly changes: number | bigint };
}

/** What the drivers have in common, with their differences and traps behind it. */
export interface SqliteConnection {
  prepare(sql: string): SqliteStatement;
  /** Any number of statements, without parameters. */
  exec(sql: string): void;
  close(): void;
}

export interface SqliteStatement {
  all(...parameters: SqliteValue[]): SqliteRow[];
  /** How many rows changed. Not for a statement that answers with rows: libsql would leave it open and its transaction stuck. */
  run(...parameters: SqliteValue[]): number;
}

/** Opens `file` with Node's own SQLite where there is one, otherwise with libsql, which is loaded only now. */
export function openHandle(file: string): SqliteHandle {
  const builtin = process.getBuiltinModule?.('node:sqlite') as
    { readonly DatabaseSync: new (file: string) => SqliteHandle } | undefined;
  if (builtin) return new builtin.DatabaseSync(file);
  return new (loadLibsql(file))(file);
}

function loadLibsql(file: string): new (file: string) => SqliteHandle {
  try {
    return createRequire(import.meta.url)('libsql') as new (file: string) => SqliteHandle;
  } catch (error) {
    const mend = "Run 'npm install libsql', use a Node that has node:sqlite (22.13 or later), or give a 'database'";
    const message = `Node ${process.version} has no SQLite of its own and libsql, which opens ${file}, can't be loaded. ${mend}.`;
    throw sqliteError('FUNQ_SQLITE_DRIVER', message, error);
  }
}

export function adapt(handle: SqliteHandle): SqliteConnection {
  // better-sqlite3 and libsql have `pragma`. To libsql a lone object is a bag of named parameters, and a lone Buffer ends the
  // process: it gets all parameters as one array. Node's own takes an array for such a bag: it gets them one by one.
  const together = 'pragma' in handle;
  const pass = (parameters: readonly SqliteValue[]): unknown[] => {
    const values = parameters.map(bindable);
    return together ? [values] : values;
  };
  return {
    prepare(sql) {
      const statement = handle.prepare(sql);
      return {
        all: (...parameters) => (statement.all(...pass(parameters)) as Record<string, unknown>[]).map(readable),
        run: (...parameters) => Number(statement.run(...pass(parameters)).changes),
      };
    },
    exec: (sql) => void handle.exec(sql),
    close: () => void handle.close(),
  };
}

/** libsql ends the process at a value that it can't bind, and cuts a string at NUL; as bytes it stays whole and equal to itself. */
function bindable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? Buffer.from(value) : value;
  if (value === null || typeof value === 'number' || value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite can't hold ${typeof value}`);
}

/** libsql gives bytes as an ArrayBuffer, and a database that was handed in may give whole numbers as BigInt. */
function readable(row: Record<string, unknown>): SqliteRow {
  for (const column in row) {
    const value = row[column];
    if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
    else if (typeof value === 'bigint') row[column] = Number(value);
  }
  return row as SqliteRow;
}
