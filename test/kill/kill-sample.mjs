// Starts several copies of the sample on one data folder and kills them with -9 at random moments, again and again, until
// every package is accounted for; then the totals must be those of the file system. Rounds follow each other, each on a new
// folder, until all kills were made.
//
//   npm run test:kill -- [--kills 50] [--processes 3] [--seed N] [--root DIR] [--rate 40] [--slow 20]
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { MAIN, buildSample } from './build-sample.mjs';
import { countPackages } from './count-packages.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    processes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    rate: { type: 'string', default: '40' },
    slow: { type: 'string', default: '20' },
  },
});
const root = resolve(values.root);
const [kills, processes, seed] = [values.kills, values.processes, values.seed].map(Number);
const random = generator(seed);
/** Between two kills, in milliseconds: some hit a process that has just started, some one in full swing. */
const pause = () => 50 + random() * 700;
/** A round that takes longer has lost something. */
const PATIENCE = 180_000;

/** Every process that runs; none of them outlives this one. */
const alive = new Set();
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

buildSample();
const expected = countPackages(root);
console.log(`seed ${seed}: ${kills} kills, ${processes} processes, ${expected.packages} packages in ${root}`);

const rows = [];
for (let made = 0; rows.length === 0 || made < kills;) {
  const row = await round(kills - made);
  rows.push(row);
  made += row.kills;
}
console.table(rows);
const failed = rows.filter((row) => row.verdict !== 'ok');
console.log(`seed ${seed}: ${rows.length} rounds, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** One data folder, from the first start to the end of the last process. */
async function round(killsLeft) {
  const data = mkdtempSync(join(tmpdir(), 'funq-kill-'));
  const [running, endings] = [new Set(), []];
  let [started, killed] = [0, 0];
  const start = () => {
    const copy = startSample(data, ++started);
    running.add(copy);
    const ended = copy.ended.then((code) => {
      running.delete(copy);
      if (!copy.killed) endings.push({ code, text: readFileSync(copy.output, 'utf8') });
    });
    return ended;
  };
  const ends = Array.from({ length: processes }, start);
  const deadline = Date.now() + PATIENCE;
  while (running.size > 0 && Date.now() < deadline) {
    await Promise.race([sleep(pause()), Promise.all(ends)]);
    const victims = [...running];
    // Once a copy has ended by itself everything is accounted for, and the others are about to end, too.
    if (killed === killsLeft || endings.length > 0 || victims.length === 0) continue;
    const victim = victims[Math.floor(random() * victims.length)];
    victim.killed = true;
    victim.child.kill('SIGKILL');
    await victim.ended;
    killed += 1;
    ends.push(start());
  }
  const late = [...running];
  for (const copy of late) copy.child.kill('SIGKILL');
  await Promise.all(ends);
  const row = judge(endings, readLogs(data), killed, late.length);
  if (row.verdict === 'ok') rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  else console.log(`kept for inspection: ${data}`);
  return row;
}

/** Output goes to files, because what a process wrote there survives its sudden end. */
function startSample(data, number) {
  const output = join(data, `copy-${number}.json`);
  const files = [output, join(data, `copy-${number}.log`)].map((file) => openSync(file, 'w'));
  const args = [MAIN, '--exit', '--json', '--verbose', '--data', data, '--root', root];
  args.push('--rate', values.rate, '--slow', values.slow);
  const child = spawn(process.execPath, args, { stdio: ['ignore', ...files] });
  files.forEach(closeSync);
  alive.add(child);
  const ended = new Promise((done) => child.once('exit', done));
  child.once('exit', () => alive.delete(child));
  return { child, output, ended, killed: false };
}

/** What all copies, killed ones too, executed and completed: how often for each package. */
function readLogs(data) {
  const [executed, completed, folders] = [new Map(), new Map(), new Map()];
  const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const name of readdirSync(data).filter((file) => file.endsWith('.log'))) {
    for (const line of readFileSync(join(data, name), 'utf8').split('\n')) {
      const start = /\[license-audit (\S+) #\d+\] auditing (.+), changed at \d+/.exec(line);
      const end = /license-audit (\S+) #\d+ done in/.exec(line);
      if (start) {
        folders.set(start[1], start[2]);
        count(executed, start[2]);
      } else if (end) count(completed, folders.get(end[1]) ?? end[1]);
    }
  }
  return { executed, completed };
}

function judge(endings, { executed, completed }, killed, late) {
  const problems = [];
  const summaries = endings.flatMap(({ code, text }) => {
    if (code !== 0) problems.push(`exit ${code}`);
    return code === 0 ? [JSON.parse(text)] : [];
  });
  if (late > 0) problems.push(`${late} did not end`);
  if (summaries.length === 0) problems.push('no totals');
  for (const summary of summaries) {
    if (!isDeepStrictEqual(totalsOf(summary), sorted(expected))) problems.push('totals differ');
  }
  const again = [...completed].filter(([, times]) => times > 1).map(([folder]) => folder);
  if (again.length > 0) problems.push(`executed although done: ${again.join(', ')}`);
  const executions = [...executed.values()].reduce((sum, times) => sum + times, 0);
  const sumOf = (field) => summaries.reduce((sum, summary) => sum + summary[field], 0);
  const { packages = 0, done = 0, dead = 0 } = summaries[0] ?? {};
  return {
    packages, done, dead,
    filtered: sumOf('filtered'), executions, duplicates: executions - executed.size, kills: killed,
    verdict: [...new Set(problems)].join('; ') || 'ok',
  }; // prettier-ignore
}

function totalsOf({ packages, done, dead, bytes, licenses, unlicensed, broken }) {
  const folders = (list) => list.map(({ folder }) => folder);
  return sorted({ packages, done, dead, bytes, licenses, unlicensed: folders(unlicensed), broken: folders(broken) });
}

function sorted(count) {
  return { ...count, licenses: Object.fromEntries(Object.entries(count.licenses).sort()), unlicensed: [...count.unlicensed].sort(), broken: [...count.broken].sort() }; // prettier-ignore
}

/** mulberry32: the same numbers for the same seed. */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
