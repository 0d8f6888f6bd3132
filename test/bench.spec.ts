import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}
interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly quick: boolean };
  readonly suites: readonly {
    readonly name: string;
    readonly rounds: number;
    readonly rows: readonly {
      readonly name: string;
      readonly figures: Readonly<Record<string, Spread>>;
      readonly ratio?: Spread;
      readonly target?: { readonly met: boolean };
    }[];
  }[];
}

async function bench(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.mjs', ...args], { cwd: root });
  return stdout;
}

// Shows that it runs; what it measures here means nothing.
describe('npm run bench', () => {
  it('measures each contender in a process of its own and prints the figures', { timeout: 60_000 }, async () => {
    const { machine, suites } = JSON.parse(await bench('--quick', '--only', 'memory', '--json')) as Report;
    expect(machine).toMatchObject({ node: process.versions.node, quick: true });
    expect(suites.map(({ name, rounds }) => ({ name, rounds }))).toEqual([{ name: 'memory', rounds: 1 }]);
    const { rows } = suites[0]!;
    expect(rows.map(({ name }) => name)).toEqual([
      'the method itself',
      'fastq.promise',
      'p-queue',
      'funq',
      'funq, retry',
      'funq, retry timeout filter rate',
      'fastq.promise, filled before',
      'p-queue, filled before',
      'funq, publish to done',
    ]);
    for (const { name, figures } of rows) {
      expect(figures['rate'], name).toEqual({
        median: expect.any(Number) as number,
        min: expect.any(Number) as number,
        max: expect.any(Number) as number,
      });
      expect(figures['rate']!.min, name).toBeGreaterThan(0);
    }
    const aims = rows.flatMap(({ name, target, ratio }) => (target ? [[name, typeof target.met, typeof ratio]] : []));
    expect(aims).toEqual([
      ['funq', 'boolean', 'object'],
      ['funq, retry timeout filter rate', 'boolean', 'object'],
    ]);
  });

  it('lists its suites', async () => {
    const help = await bench('--help');
    for (const name of ['memory', 'publish', 'sqlite', 'backlog', 'queues', 'latency', 'ask', 'rates'])
      expect(help).toMatch(new RegExp(`^ +${name} `, 'm'));
  });

  it.each([
    ['--only', 'nothing', /--only names 'nothing'; there are memory, /],
    ['--rounds', 'many', /--rounds is 'many', but must be a whole number/],
    ['--fast', '', /Unknown option '--fast'/],
  ])('refuses %s %s', async (option, value, says) => {
    const refused = bench(option, ...(value ? [value] : []));
    await expect(refused).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(says) as string });
  });
});
