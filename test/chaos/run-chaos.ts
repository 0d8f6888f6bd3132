import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { withService, type ServiceName } from '../services/service.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const FAULTS: readonly (readonly [fault: string, holds: Holds])[] = [
  ['kill', ({ faults, inFlight, duplicated }) => faults === 4 && duplicated! <= inFlight!],
  ['freeze', ({ faults }) => faults! > 0],
  ['block', ({ faults }) => faults === 1],
  ['restart', ({ faults }) => faults === 2],
  ['server-kill', ({ faults }) => faults === 2],
  ['half-open', ({ faults }) => faults === 1],
  ['refused', ({ faults, rejected }) => faults === 1 && rejected! > 0],
  ['rpc', ({ faults, duplicated }) => faults! >= 2 && duplicated === 0],
];

/** Every fault that a broker with a server must survive, in its short form. */
export function survivesAll(broker: ServiceName): void {
  withService(broker, () => {
    beforeAll(() => buildChaos(), 180_000);
    for (const [fault, holds] of FAULTS) survives(fault, holds, broker);
  });
}

/** Builds the library and the rig where they are missing or older than a source. */
export function buildChaos(): void {
  const { status } = spawnSync('npm run build:chaos', { cwd: ROOT, shell: true, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the rig could not be built');
}

/** A program of the rig, run as a user would. */
export async function run(program: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const file = join(ROOT, 'chaos', 'dist', program);
  const child = spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  // It ends its own processes then.
  onTestFinished(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

type Holds = (account: Readonly<Record<string, number>>) => boolean;

/** One test: a fault in its short form must pass, and must have been one. `FUNQ_SEED` repeats a run. */
export function survives(fault: string, holds: Holds, broker = 'sqlite'): void {
  it(`${fault}: nothing is lost, and every repeat is explained`, { timeout: 300_000 }, async (context) => {
    const seed = process.env['FUNQ_SEED'] ?? String(process.pid);
    const { code, output } = await run(
      'main.js',
      '--broker',
      broker,
      '--fault',
      fault,
      '--size',
      'short',
      '--seed',
      seed,
    );
    const line = output.split('\n').find((text) => text.startsWith('{'));
    const result = JSON.parse(line ?? '{}') as { impossible?: string; account?: Record<string, number> };
    if (code === 0 && result.impossible) context.skip(result.impossible);
    expect(code, output).toBe(0);
    expect(result.account, output).toMatchObject({ lost: 0, unexpected: 0, unexplained: 0, staleAccepted: 0 });
    expect(result.account, output).toSatisfy(holds);
  });
}
