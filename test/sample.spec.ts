import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sqlite } from 'nestjs-funq/sqlite';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../lib/core/system-clock.js';
import { buildSample } from './kill/build-sample.mjs';
import { countPackages } from './kill/count-packages.mjs';
import { addPackage, PREPARED_BROKEN, PREPARED_LICENSES, prepareTree } from './sample/prepared-tree.js';
import { auditsIn, runSample, startSample, temporaryFolder, totalsOf } from './sample/run-sample.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FAST = ['--rate', '500'];

beforeAll(() => buildSample(), 180_000);

describe('sample 01-license-audit on the packages of this repository', { timeout: 60_000 }, () => {
  const expected = countPackages(ROOT);

  it('comes to the totals of the file system, and to the same when started again', async () => {
    const data = temporaryFolder();
    const first = await runSample('--data', data, ...FAST);
    expect(first.packages).toBeGreaterThan(200);
    expect(totalsOf(first)).toEqual(expected);
    expect(first).toMatchObject({ doneBefore: 0, published: first.packages, filtered: 0 });
    expect(first.executed).toBe(first.packages);

    const second = await runSample('--data', data, ...FAST);
    expect(totalsOf(second)).toEqual(expected);
    expect(second).toMatchObject({ doneBefore: first.done, published: 0, executed: 0 });
  });

  it('goes on where it was killed, and executes nothing again that was done', async () => {
    const data = temporaryFolder();
    const args = ['--data', data, '--verbose', '--rate', '100'];
    const killed = startSample('--exit', '--json', ...args);
    while (auditsIn(killed.log()).completed.length < expected.packages / 3) await sleep(10);
    killed.child.kill('SIGKILL');
    const { log } = await killed.ended;

    const resumed = await runSample(...args, ...FAST);
    expect(totalsOf(resumed)).toEqual(expected);
    expect(resumed.published).toBe(0);
    const done = new Set(auditsIn(log).completed);
    const again = auditsIn(resumed.log).begun;
    expect(again.filter((folder) => done.has(folder))).toEqual([]);
    // What had been begun and not completed runs again: the tasks in flight, at most.
    expect(new Set([...auditsIn(log).begun, ...again]).size).toBe(expected.packages);
  });

  it('shares the work between copies that are started at once', async () => {
    const data = temporaryFolder();
    const both = await Promise.all([runSample('--data', data), runSample('--data', data)]);
    for (const summary of both) expect(totalsOf(summary)).toEqual(expected);
    expect(both[0].published + both[1].published).toBe(expected.packages);
    expect(both[0].executed + both[1].executed).toBe(expected.packages);
  });

  it('loses nothing when copies are killed again and again', async () => {
    const script = join(ROOT, 'test', 'kill', 'kill-sample.mjs');
    const child = spawn(process.execPath, [script, '--kills', '5', '--processes', '2', '--rate', '80']);
    onTestFinished(() => void child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
    await once(child, 'close');
    expect(child.exitCode, output).toBe(0);
    expect(output).toMatch(/\b0 failed/);
  });
});

describe('sample 01-license-audit on odd packages', { timeout: 60_000 }, () => {
  it('accounts for each of them: a licence, a reason why there is none, or a dead letter', async () => {
    const [root, data] = [prepareTree(), temporaryFolder()];
    const summary = await runSample('--data', data, '--root', root, ...FAST);
    const direct = countPackages(root);
    const counts = Object.entries(summary.licenses).map(([license, { packages }]) => [license, packages]);
    expect(Object.fromEntries(counts)).toEqual(PREPARED_LICENSES);
    expect(summary).toMatchObject({ packages: direct.packages, bytes: direct.bytes });
    expect(summary.unlicensed).toEqual([
      { folder: 'node_modules/silent', package: 'silent@1.0.0', reason: 'package.json has no license field' },
      {
        folder: 'node_modules/url-only',
        package: 'url-only@1.0.0',
        reason: 'its license field names none: {"url":"https://license.example"}',
      },
    ]);
    const broken = Object.entries(PREPARED_BROKEN).map(([name, reason]) => ({
      folder: `node_modules/${name}`,
      reason: expect.stringContaining(reason) as string,
    }));
    expect(summary.broken).toEqual(broken.sort((a, b) => (a.folder < b.folder ? -1 : 1)));
    expect(summary).toMatchObject({ dead: broken.length, done: direct.packages - broken.length });
    expect(await deadLetters(data)).toBe(broken.length);

    const again = await runSample('--data', data, '--root', root);
    expect(totalsOf(again)).toEqual(totalsOf(summary));
    expect(again).toMatchObject({ published: 0, executed: 0 });
  });

  it('audits a package again that was changed, and forgets one that was removed', async () => {
    const [root, data] = [temporaryFolder(), temporaryFolder()];
    const args = ['--data', data, '--root', root];
    for (const name of ['a', 'b', 'c']) addPackage(root, name, { name, version: '1.0.0', license: 'MIT' });
    addPackage(root, 'd', '{');
    expect(await runSample(...args)).toMatchObject({ packages: 4, done: 3, dead: 1 });

    addPackage(root, 'a', { name: 'a', version: '2.0.0', license: 'ISC' });
    addPackage(root, 'd', { name: 'd', version: '1.0.0', license: 'MIT' });
    rmSync(join(root, 'node_modules', 'b'), { recursive: true });
    const after = await runSample(...args);
    expect(after).toMatchObject({ packages: 3, done: 3, doneBefore: 1, dead: 0, published: 2, executed: 2 });
    expect(totalsOf(after)).toEqual(countPackages(root));
  });

  it('reports a package that is removed before its turn comes', async () => {
    const [root, data] = [temporaryFolder(), temporaryFolder()];
    for (const name of ['a', 'b']) addPackage(root, name, { name, version: '1.0.0', license: 'MIT' });
    const running = startSample('--exit', '--json', '--verbose', '--data', data, '--root', root, '--slow', '1000');
    while (auditsIn(running.log()).begun.length < 2) await sleep(10);
    rmSync(join(root, 'node_modules', 'b'), { recursive: true });
    const { code, output } = await running.ended;
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      packages: 2,
      done: 1,
      broken: [{ folder: 'node_modules/b', reason: 'the package is gone' }],
    });
  });

  it('ends with nothing to do when no package is installed', async () => {
    const root = prepareTree();
    rmSync(join(root, 'node_modules'), { recursive: true });
    addPackage(root, '.cache/x', {});
    expect(await runSample('--data', temporaryFolder(), '--root', root)).toMatchObject({ packages: 0, bytes: 0 });
  });
});

describe('sample 01-license-audit on the command line', { timeout: 60_000 }, () => {
  it.each([
    [['--wrong'], "Unknown option '--wrong'"],
    [['--rate', 'fast'], "--rate must be a number from 0.1 to 10000, not 'fast'"],
    [['--rate'], "Option '--rate <value>' argument missing"],
    [['--slow=-1'], '--slow must be a number from 0 to 10000'],
    [['--data='], '--data must name a folder'],
    [['--root', join(ROOT, 'lib')], 'has no node_modules'],
    [['surplus'], "Unexpected argument 'surplus'"],
  ])('refuses %j', async (args, message) => {
    const { code, output, log } = await startSample('--exit', ...args).ended;
    expect({ code, output }).toEqual({ code: 2, output: '' });
    expect(log).toContain(message);
  });

  it('says why its file can not be opened', async () => {
    const { code, log } = await startSample('--exit', '--data', fileURLToPath(import.meta.url)).ended;
    expect(code).toBe(1);
    expect(log).toMatch(/^broker 'default' \(sqlite\) can't be opened: .+\n$/);
  });

  it('prints a table for people, without colours or rewritten lines in a pipe', async () => {
    const root = prepareTree();
    const { code, output } = await startSample('--exit', '--data', temporaryFolder(), '--root', root).ended;
    expect(code).toBe(0);
    expect(output).toMatch(/^ {2}MIT +4 +3\.0 MB$/m);
    expect(output).toMatch(/^ {2}node_modules\/no-name +package\.json has no name$/m);
    // Not even the escape sequence in a licence's name gets through.
    expect(['\r', '\u001b'].filter((control) => output.includes(control))).toEqual([]);
  });
});

async function deadLetters(data: string): Promise<number> {
  const broker = sqlite({ file: join(data, 'audit.db') });
  await broker.connect({ clock: new SystemClock() });
  const count = await broker.count!('license-audit.dead');
  await broker.close();
  return count;
}
