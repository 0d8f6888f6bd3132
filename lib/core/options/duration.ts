import type { Duration } from '../../contracts/policy.js';
import { FunqConfigError } from '../errors.js';
import { show } from './show.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration. Throws `FUNQ_OPTION_INVALID`, naming `option`, for anything that is not one. */
export function milliseconds(value: Duration, option: string): number {
  const ms = typeof value === 'number' ? value : parse(value);
  if (!Number.isFinite(ms) || ms < 0) {
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `${option} is ${show(value)}, which is no duration: give milliseconds as a number, or a number with a unit such as '500ms', '10s', '5m', '2h', '7d'`,
    );
  }
  return ms;
}

function parse(value: unknown): number {
  if (typeof value !== 'string' || value.length > 20) return NaN;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  return match ? Number(match[1]) * UNITS[match[2]!]! : NaN;
}
