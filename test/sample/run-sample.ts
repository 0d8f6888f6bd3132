import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { MAIN } from '../kill/build-sample.mjs';
import type { DirectCount } from '../kill/count-packages.mjs';

interface Finding {
  folder: string;
  package?: string;
  reason: string;
}

/** What `--json` prints. */
export interface Summary {
  packages: number;
  done: number;
  doneBefore: number;
  dead: number;
  bytes: number;
  licenses: Record<string, { packages: number; bytes: number }>;
  unlicensed: Finding[];
  broken: Finding[];
  published: number;
  executed: number;
  filtered: number;
}

export interface Running {
  readonly child: ChildProcess;
  /** What it wrote so far: everything but the totals. */
  log(): string;
  /** Its exit code (null when it was killed) and what it printed. */
  readonly ended: Promise<{ code: number | null; output: string; log: string }>;
}

/** Removed when the test has finished. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'funq-sample-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A process of the sample that ends with the test, at the latest. */
export function startSample(...args: string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [output, log] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output, log }));
  return { child, log: () => log, ended };
}

/** Runs the sample to its end; throws what it said when that was not a success. */
export async function runSample(...args: string[]): Promise<Summary & { log: string }> {
  const { code, output, log } = await startSample('--exit', '--json', ...args).ended;
  if (code !== 0) throw new Error(`exit code ${code}: ${log}`);
  return { ...(JSON.parse(output) as Summary), log };
}

/** The part of a summary that can be counted on the file system. */
export function totalsOf({ packages, done, dead, bytes, licenses, unlicensed, broken }: Summary): DirectCount {
  const folders = (list: Finding[]): string[] => list.map(({ folder }) => folder);
  return { packages, done, dead, bytes, licenses, unlicensed: folders(unlicensed), broken: folders(broken) };
}

/** Folders that a `--verbose` log tells of: those that were begun, and those of them that were completed. */
export function auditsIn(log: string): { begun: string[]; completed: string[] } {
  const begun = [...log.matchAll(/\[license-audit (\S+) #\d+\] auditing (.+), changed at \d+/g)];
  const folders = new Map(begun.map(([, id, folder]) => [id!, folder!]));
  const completed = [...log.matchAll(/license-audit (\S+) #\d+ done in/g)];
  return { begun: begun.map(([, , folder]) => folder!), completed: completed.map(([, id]) => folders.get(id!)!) };
}
