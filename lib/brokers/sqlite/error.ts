import { driverError, isExplained } from '../support/driver-error.js';

/** Primary result codes of SQLite that are told apart. */
const RESULTS = {
  BUSY: 5,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  TOOBIG: 18,
  CONSTRAINT: 19,
  MISMATCH: 20,
  NOTADB: 26,
};

export type SqliteResult = keyof typeof RESULTS;

export function sqliteError(code: `FUNQ_SQLITE_${string}`, message: string, cause?: unknown): Error {
  return driverError(code, message, cause);
}

/** Why SQLite refused, whichever driver says so; undefined when the error is not one of those above. */
export function resultOf(error: unknown): SqliteResult | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  // node:sqlite gives `errcode`, libsql `rawCode`, better-sqlite3 only a name, which may be an extended one.
  const { errcode, rawCode, code } = error as { errcode?: unknown; rawCode?: unknown; code?: unknown };
  const number = Number(errcode ?? rawCode ?? 0) & 0xff;
  const name = typeof code === 'string' ? code : '';
  return (Object.keys(RESULTS) as SqliteResult[]).find(
    (result) => RESULTS[result] === number || name === `SQLITE_${result}` || name.startsWith(`SQLITE_${result}_`),
  );
}

/** Whether only the value was refused: nothing else is wrong, and the next one may be taken. */
export function isRefusal(error: unknown): error is Error {
  const result = resultOf(error);
  const itsOwn = result === 'CONSTRAINT' || result === 'TOOBIG' || result === 'MISMATCH';
  return error instanceof Error && (itsOwn || error instanceof TypeError);
}

/** The same error in words that tell what to do. */
export function explain(error: unknown, file: string): Error {
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && isExplained(error)) return error;
  switch (resultOf(error)) {
    case 'FULL':
      return sqliteError(
        'FUNQ_SQLITE_FULL',
        `No space is left to write to ${file}; nothing was changed. Free some.`,
        error,
      );
    case 'READONLY':
      return sqliteError(
        'FUNQ_SQLITE_READONLY',
        `${file} can't be written (${said}). Check who owns it and its folder.`,
        error,
      );
    case 'NOTADB':
    case 'CORRUPT':
      return sqliteError(
        'FUNQ_SQLITE_FOREIGN',
        `${file} is not a sound SQLite database (${said}). Name another file.`,
        error,
      );
    default:
      return sqliteError('FUNQ_SQLITE_FAILED', `SQLite failed on ${file}: ${said}`, error);
  }
}
