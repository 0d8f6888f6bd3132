import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const USAGE = `Audits the licences of every installed package.

  npm start -- [options]

  --exit        end when every package is accounted for, instead of waiting for more tasks
  --root DIR    whose node_modules; default: this repository
  --data DIR    where queue and results are kept; default: data/ in the sample's folder
  --rate N      audits started per second; default: 100
  --slow MS     make each audit take that much longer, to watch or to interrupt it
  --json        print the totals as one line of JSON, everything else to stderr
  --verbose     log each task
  --help        print this`;

const SAMPLE = fileURLToPath(new URL('../..', import.meta.url));
const REPOSITORY = join(SAMPLE, '..', '..');

/** A command line that can't be meant. */
export class UsageError extends Error {}

/** The command line, checked. Injectable. */
export class AuditOptions {
  constructor(
    readonly root: string,
    readonly data: string,
    readonly rate: number,
    readonly slow: number,
    readonly exit: boolean,
    readonly json: boolean,
    readonly verbose: boolean,
    readonly help: boolean,
  ) {}

  /** Throws `UsageError`. */
  static read(args: string[]): AuditOptions {
    const given = parse(args);
    const root = folder('root', given.root, REPOSITORY);
    if (!given.help && !existsSync(join(root, 'node_modules')))
      throw new UsageError(`--root: ${root} has no node_modules`);
    return new AuditOptions(
      root,
      folder('data', given.data, join(SAMPLE, 'data')),
      number('rate', given.rate, 0.1, 10_000),
      number('slow', given.slow, 0, 10_000),
      given.exit,
      given.json,
      given.verbose,
      given.help,
    );
  }
}

function parse(args: string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const options = {
      root: { type: 'string' },
      data: { type: 'string' },
      rate: { type: 'string', default: '100' },
      slow: { type: 'string', default: '0' },
      exit: flag,
      json: flag,
      verbose: flag,
      help: flag,
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

function folder(name: string, given: string | undefined, preset: string): string {
  if (given === '') throw new UsageError(`--${name} must name a folder`);
  // npm changes to the sample's folder; what the user wrote is meant from where npm was called.
  return given === undefined ? resolve(preset) : resolve(process.env['INIT_CWD'] ?? '.', given);
}

function number(name: string, given: string, least: number, most: number): number {
  const value = Number(given);
  if (given.trim() !== '' && value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a number from ${least} to ${most}, not '${given}'`);
}
