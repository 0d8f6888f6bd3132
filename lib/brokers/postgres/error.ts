import { away, driverError, unfit } from '../support/driver-error.js';

/** SQLSTATE codes and codes of Node that say: not now. Shutting down or starting, no connection free, a lock, a standby. */
const AWAY = /^(08...|57P0[1-5]|57014|53...|55P03|40001|40P01|25006|E[A-Z_]+|EAI_\w+)$/;
/** What pg says without a code. */
const AWAY_WORDS = /timeout|terminated|connection error|not queryable|connection due/i;
/** In words that pg has, too. */
const SILENT = 'timeout: no answer';
const TLS_CODES = /CERT|SSL|TLS|SIGNATURE|ERR_OSSL/;

/** The same error in words that tell what to do; an away error where the server can't be reached at present. */
export function explain(error: unknown, address: string): Error {
  if (!(error instanceof Error)) return driverError('FUNQ_POSTGRES_FAILED', `postgres failed: ${String(error)}`);
  const code = codeOf(error);
  if (code.startsWith('FUNQ_')) return error;
  const said = error.message || firstOf(error)?.message || error.name;
  const say = (name: string, what: string, make: typeof driverError = unfit): Error =>
    make(`FUNQ_POSTGRES_${name}`, `postgres at ${address}: ${what} (${said})`, error);
  if (/no pg_hba\.conf entry|encryption/i.test(said) && code.startsWith('28'))
    return say('TLS', `the server does not let this user in this way. Set 'ssl', or mend its pg_hba.conf`);
  if (/does not support SSL|SSL connection/i.test(said) || TLS_CODES.test(code))
    return say('TLS', `no encrypted connection comes about. Check 'ssl' and its certificates`);
  if (code.startsWith('28') || /SASL|password/i.test(said)) return say('PASSWORD', `check user and password`);
  switch (code) {
    case '3D000':
      return say('DATABASE', `the database does not exist. Create it, or name another one`);
    case '42501':
      return say('RIGHTS', `a right is missing. Grant it, or let the owner of the schema connect once`);
  }
  if (AWAY.test(code) || (code === '' && AWAY_WORDS.test(said)))
    return away('postgres', address, firstOf(error) ?? error);
  if (/^(3F000|42P01|42883|42703)$/.test(code))
    return say(
      'TABLES',
      `the tables of funq are missing or were changed. Name another 'schema', or restart to make them`,
    );
  return say('FAILED', 'a statement failed', driverError);
}

/** What a statement fails with that got no answer in time. */
export const silence = (): Error => new Error(SILENT);

/** Whether a connection was silent for too long: all others that go the same way are in doubt, too. */
export function isSilence(error: unknown): boolean {
  return (
    error instanceof Error && (error.message === SILENT || /^Query read timeout|^timeout expired/.test(error.message))
  );
}

const codeOf = (error: Error): string =>
  String((error as { code?: unknown }).code ?? (firstOf(error) as { code?: unknown } | undefined)?.code ?? '');

/** Where a name has several addresses, Node gives one error for each. */
function firstOf(error: Error): Error | undefined {
  return error instanceof AggregateError ? (error.errors[0] as Error) : undefined;
}
