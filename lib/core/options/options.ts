import { FunqConfigError } from '../errors.js';
import { milliseconds } from './duration.js';
import { show } from './show.js';

/**
 * Reads checked values out of an options object; every complaint names the option, the value and what would do. Only
 * `undefined` stands for an option that was left out: `null` is a value, and hardly ever one that would do.
 */
export class OptionReader {
  readonly #options: object;

  /** `where` begins every complaint. */
  constructor(
    options: unknown,
    private readonly where: string,
  ) {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw new FunqConfigError('FUNQ_OPTION_INVALID', `${where}: options are ${show(options)}, but must be an object`);
    }
    this.#options = options;
  }

  /** Refuses every key that is not listed: a misspelt option must not be silently without effect. */
  only(known: readonly string[]): this {
    for (const key of Object.keys(this.#options)) {
      if (known.includes(key)) continue;
      const shown = key.length > 60 ? `${key.slice(0, 60)}…` : key;
      throw this.invalid(shown, `is unknown; known are ${known.join(', ')}`);
    }
    return this;
  }

  /** What is not `undefined`. */
  given(): object {
    return Object.fromEntries(Object.entries(this.#options).filter(([, value]) => value !== undefined));
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#options, key) ? (this.#options as Record<string, unknown>)[key] : undefined;
  }

  integer(key: string, min: number, max: number, fallback: number): number {
    const value = this.#or(key, fallback);
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw this.invalid(key, `must be a whole number from ${min} to ${max}`);
  }

  number(key: string, min: number, max: number, fallback: number): number {
    const value = this.#or(key, fallback);
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.invalid(key, `must be a number from ${min} to ${max}`);
  }

  duration(key: string, min: number, max: number, fallback: number | string): number {
    const ms = milliseconds(this.#or(key, fallback) as number | string, this.label(key));
    if (ms >= min && ms <= max) return ms;
    throw this.invalid(key, `must be between ${min} ms and ${max} ms`);
  }

  /** Like {@link duration}, `undefined` when absent, `false` or 0. */
  optionalDuration(key: string, min: number, max: number): number | undefined {
    const value = this.get(key);
    return value === undefined || value === false || value === 0 ? undefined : this.duration(key, min, max, 0);
  }

  /** A text without control characters and halves of characters, so that it can be logged, and stored by any broker. */
  text(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value.length <= 200 && /^[^\p{Cc}\p{Cs}]+$/u.test(value)) return value;
    throw this.invalid(key, 'must be a text of 1 to 200 characters, none of them a control character');
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#or(key, fallback);
    if (typeof value === 'boolean') return value;
    throw this.invalid(key, 'must be true or false');
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

  /** A reader of the options object under `key`. `form` says what else would do. */
  nested(key: string, form = 'an object'): OptionReader {
    const value = this.get(key);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return new OptionReader(value, this.label(key));
    throw this.invalid(key, `must be ${form}`);
  }

  /** The option's full name. */
  label(key: string): string {
    return `${this.where}: ${key}`;
  }

  invalid(key: string, why: string): FunqConfigError {
    return new FunqConfigError('FUNQ_OPTION_INVALID', `${this.label(key)} is ${show(this.get(key))}, but ${why}`);
  }

  #or(key: string, fallback: unknown): unknown {
    const value = this.get(key);
    return value === undefined ? fallback : value;
  }
}
