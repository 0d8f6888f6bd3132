import { FunqConfigError } from './errors.js';
import { milliseconds } from './duration.js';

/** Reads checked values out of an options object; every complaint names the option, the value and what would do. */
export class OptionReader {
  constructor(
    private readonly options: object,
    private readonly where: string,
  ) {}

  /** Refuses every key that is not listed: a misspelt option must not be silently without effect. */
  only(known: readonly string[]): this {
    for (const key of Object.keys(this.options)) {
      if (!known.includes(key)) throw this.invalid(key, `is unknown; known are ${known.join(', ')}`);
    }
    return this;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.options, key) ? (this.options as Record<string, unknown>)[key] : undefined;
  }

  integer(key: string, min: number, max: number, fallback: number): number {
    const value = this.get(key) ?? fallback;
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw this.invalid(key, `must be a whole number from ${min} to ${max}`);
  }

  number(key: string, min: number, max: number, fallback: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.invalid(key, `must be a number from ${min} to ${max}`);
  }

  duration(key: string, min: number, max: number, fallback: number | string): number {
    const ms = milliseconds((this.get(key) ?? fallback) as number | string, `${this.where}: ${key}`);
    if (ms >= min && ms <= max) return ms;
    throw this.invalid(key, `must be between ${min} ms and ${max} ms`);
  }

  /** Like {@link duration}, `undefined` when absent, `false` or 0. */
  optionalDuration(key: string, min: number, max: number): number | undefined {
    const value = this.get(key);
    return value === undefined || value === false || value === 0 ? undefined : this.duration(key, min, max, 0);
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || (typeof value === 'string' && value.length > 0 && value.length <= 200)) return value;
    throw this.invalid(key, 'must be a text of 1 to 200 characters');
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.get(key);
    if (value === undefined || allowed.includes(value as T)) return value as T | undefined;
    throw this.invalid(key, `must be ${allowed.map((word) => `'${word}'`).join(' or ')}`);
  }

  callback<T>(key: string): T | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'function') return value as T | undefined;
    throw this.invalid(key, 'must be a function');
  }

  /** A reader of the options object under `key`. */
  nested(key: string): OptionReader {
    const value = this.get(key);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.invalid(key, 'must be an object');
    return new OptionReader(value, `${this.where}: ${key}`);
  }

  invalid(key: string, why: string): FunqConfigError {
    return new FunqConfigError('FUNQ_OPTION_INVALID', `${this.where}: ${key} is ${show(this.get(key))}, but ${why}`);
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
