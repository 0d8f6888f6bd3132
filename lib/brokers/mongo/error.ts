import { away, driverError, hinted, isExplained, maskedAddress, unfit } from '../support/driver-error.js';

/** What the errors of MongoDB's client have in common; read by name and code, for a connection may come from another copy of it. */
interface ClientError extends Error {
  readonly code?: number | string;
  /** What a bulk write failed of as a whole. */
  readonly errorResponse?: unknown;
  readonly reason?: { readonly servers?: ReadonlyMap<string, { readonly error?: Error | null }> };
}

/** Codes of the server that are told apart; see "Error Codes" in MongoDB's manual. */
const DUPLICATE = 11000;
const AUTHENTICATION = 18;
/** Atlas says so of much; of a password it speaks of authentication. */
const ATLAS = 8000;
const UNAUTHORIZED = 13;
const OTHER_INDEX = [85, 86];
/** Stepping down, shutting down, recovering, or unreachable behind a router. */
const AWAY_CODES = [6, 7, 89, 91, 133, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];
const AWAY_NAMES =
  /^Mongo(ose)?(ServerSelection|Network|NetworkTimeout|PoolCleared|PoolClearedOnNetwork|PoolClosed|WaitQueueTimeout|ConnectionPoolClosed|ServerClosed|TopologyClosed|NotConnected|ClientClosed|OperationTimeout|StalePrimary|ExpiredSession)Error$/;
const LOST = /^Mongo(ose)?(ServerSelection|TopologyClosed|ClientClosed|NotConnected)Error$/;
const BAD_ADDRESS = /^Mongo(Parse|InvalidArgument|API|MissingCredentials|MissingDependency)Error$/;
const TLS = /\bSSL\b|\bTLS\b|certificate|EPROTO/i;

/** Whether a document with the same `_id`, or the same value under a unique index, was there already. */
export function isDuplicate(error: unknown): boolean {
  return (error as ClientError | undefined)?.code === DUPLICATE;
}

/** Whether no server could be found in time, or the app closed its connection: the client as a whole has lost its way, not just one socket. */
export function isLost(error: unknown): boolean {
  return error instanceof Error && causesOf(error).some(({ name }) => LOST.test(name));
}

/** Why the address, or options in it, can't be used at all. */
export function badAddress(address: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  // Of a password with such a sign the client takes a part for something else, and tells it.
  const quoting = /:\/\/.*[/?#].*@/s.test(address);
  const said = quoting ? 'a sign before the last @ ends it too early' : message;
  return driverError(
    'FUNQ_MONGO_URL',
    `${maskedAddress(address)} can't be used as the address of MongoDB (${said}); write 'url' as mongodb://user:password@host:27017/database, with signs such as @ and / of a password percent-encoded`,
    quoting ? undefined : error,
  );
}

/** The same error in words that tell what to do; `AwayError` where trying later may help. */
export function explain(error: unknown, address: string): Error {
  if (!(error instanceof Error)) return driverError('FUNQ_MONGO_FAILED', `MongoDB at ${address}: ${String(error)}`);
  const { name } = error;
  const causes = causesOf(error);
  const said = causes.map(({ message }) => message).find(Boolean) ?? name;
  if (isExplained(error)) return error;
  const wrong = (kind: string, what: string, make: typeof driverError = unfit): Error =>
    make(`FUNQ_MONGO_${kind}`, `MongoDB at ${address} ${what}: ${said}`, error);
  if (has(causes, [AUTHENTICATION]) || (has(causes, [ATLAS]) && /auth/i.test(said)))
    return wrong('AUTH', "refuses the user or the password of 'url'; check both, and authSource in it");
  if (has(causes, [UNAUTHORIZED]))
    return wrong('RIGHTS', 'lets this user not do what is needed; give it the role readWrite on the database');
  if (has(causes, OTHER_INDEX))
    return wrong('INDEX', "has the collection with other indexes; drop those, or choose another 'collection'");
  if (causes.some((each) => each.name === 'MongoCompatibilityError' || /wire version/i.test(each.message)))
    return wrong('VERSION', 'is of a version that this client does not speak with; MongoDB 4.4 or newer is needed');
  if (causes.some((each) => TLS.test(`${String((each as ClientError).code)} ${each.message}`)))
    return wrong('TLS', "and this process do not agree on TLS; check tls and tlsCAFile in 'url'", driverError);
  if (BAD_ADDRESS.test(name)) return badAddress(address, error);
  if (causes.some((each) => AWAY_NAMES.test(each.name)) || has(causes, AWAY_CODES))
    return away('mongo', address, hinted(error, HUNG_UP, "'tls=true' in 'url' is for TLS, nothing for none", said));
  return wrong('FAILED', 'failed', driverError);
}

const HUNG_UP = /closed$|ECONNRESET|selection timed out/;

/** The error, and what lies behind it: the server selection hides the true reason in the state of each server. */
function causesOf(error: Error): Error[] {
  const found = new Set<Error>();
  const add = (each: unknown): void => {
    if (!(each instanceof Error) || found.has(each)) return;
    found.add(each);
    add(each.cause);
    add((each as ClientError).errorResponse);
    for (const server of (each as ClientError).reason?.servers?.values() ?? []) add(server.error);
  };
  add(error);
  return [...found];
}

function has(causes: readonly Error[], codes: readonly number[]): boolean {
  return causes.some((each) => codes.includes((each as ClientError).code as number));
}
