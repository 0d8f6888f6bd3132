import type { AwayError, UnfitError } from '../../contracts/broker.js';

/** A plain error with a code, for a broker knows nothing of the core's own errors. Say what, where and how to mend it. */
export function driverError(code: `FUNQ_${string}`, message: string, cause?: unknown): Error {
  return Object.assign(new Error(masked(message), cause === undefined ? undefined : { cause }), { code });
}

/** Whether the error is one of a driver's own already, in words that tell what to do. */
export function isExplained(error: unknown): boolean {
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith('FUNQ_');
}

/** As `driverError`, of what only a change of the options or on the server mends. */
export function unfit(code: `FUNQ_${string}`, message: string, cause?: unknown): UnfitError {
  return Object.assign(driverError(code, message, cause), { unfit: true as const });
}

/** The server at `address` can't be reached at present. */
export function away(kind: string, address: string, cause: unknown): AwayError {
  const said = cause instanceof Error ? cause.message || cause.name : String(cause);
  const error = driverError(
    `FUNQ_${kind.toUpperCase()}_AWAY`,
    `${kind} at ${address} can't be reached: ${said}`,
    cause,
  );
  return Object.assign(error, { away: true as const });
}

/**
 * With what to try where `said` tells that a server hung up: on who does not speak TLS and should, or the other way round; but not
 * only on them.
 */
export function hinted(error: Error, hungUp: RegExp, remedy: string, said = error.message): Error {
  if (!hungUp.test(said)) return error;
  return new Error(`${said.replace(/\.$/, '')}; if it is so each time: ${remedy}`, { cause: error });
}

/** The same text without passwords of addresses in it: `redis://app:***@host`. */
export function masked(text: string): string {
  return text.replace(/(\w+:\/\/[^\s:/@]*):\S*@/g, '$1:***@');
}

/**
 * As `masked`, of what is nothing but an address, or should be: a password that makes it a wrong one, by a slash or a blank, does
 * not show either, nor one among the parameters.
 */
export function maskedAddress(address: unknown): string {
  if (typeof address !== 'string') return address === null ? 'null' : `of type ${typeof address}`;
  const scheme = /^[\w+.-]*:?\/\//.exec(address)?.[0] ?? '';
  const text = scheme + address.slice(scheme.length).replace(/^([^:@]*):.*@/s, '$1:***@');
  return text.replace(/(\w*(?:password|passphrase|secret|token)\w*=)[^&\s]*/gi, '$1***');
}
