import { parseArgs } from 'node:util';

/** A number on the command line, with what it may be. */
export interface NumberOption {
  readonly about: string;
  /** Without one the value may be undefined. */
  readonly fallback?: number;
  readonly from: number;
  readonly to: number;
}

/** A name on the command line, out of a list. */
export interface ChoiceOption {
  readonly about: string;
  readonly fallback?: string;
  readonly of: readonly string[];
}

export type OptionTable = Readonly<Record<string, NumberOption | ChoiceOption>>;

/** What was asked for. */
export type Given<T extends OptionTable> = {
  readonly [K in keyof T]:
    (T[K] extends NumberOption ? number : string) | (T[K] extends { fallback: unknown } ? never : undefined);
};

/** What can't be understood on the command line: its message is all that the user needs. */
export class UsageError extends Error {}

/** Reads `argv`. Undefined when help was asked for. Throws {@link UsageError}. */
export function readOptions<T extends OptionTable>(argv: readonly string[], table: T): Given<T> | undefined {
  const options = Object.fromEntries(Object.keys(table).map((name) => [name, { type: 'string' as const }]));
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({ args: [...argv], options: { ...options, help: { type: 'boolean', short: 'h' } } }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values['help']) return undefined;
  const read = Object.entries(table).map(([name, option]) => [name, readOne(name, option, values[name])]);
  return Object.fromEntries(read) as Given<T>;
}

/** One line for each option. */
export function describe(table: OptionTable): string {
  const lines = Object.entries(table).map(([name, option]) => {
    const range = 'of' in option ? option.of.join(', ') : `${option.from} to ${option.to}`;
    const fallback = option.fallback === undefined ? '' : `; default ${option.fallback}`;
    return `  --${name.padEnd(10)} ${option.about} (${range}${fallback})`;
  });
  return lines.join('\n');
}

function readOne(name: string, option: NumberOption | ChoiceOption, text: string | boolean | undefined) {
  if (typeof text !== 'string') return option.fallback;
  if ('of' in option) {
    if (option.of.includes(text)) return text;
    throw new UsageError(`--${name} '${text}' is not known; there are: ${option.of.join(', ')}`);
  }
  const value = Number(text);
  if (text.trim() !== '' && value >= option.from && value <= option.to) return value;
  throw new UsageError(`--${name} must be a number from ${option.from} to ${option.to}, not '${text}'`);
}
