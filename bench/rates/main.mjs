// Measures in real time how exactly rates are kept, and prints a table.
//
//   node bench/rates/main.mjs [--seconds=60] [--only=shared] [--broker=redis]
//
// `--broker` is what several processes share, with a coordination store of its kind; default: sqlite.
// A row tells of the starts in every window of one and of ten seconds, wherever it begins. Tasks wait all the time, so the
// limit is what holds them back. `npm run build` first.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { temporaryFile } from '../support/brokers.mjs';
import { swept } from '../support/redis.mjs';
import { closest, windows } from './windows.mjs';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', default: '' },
    broker: { type: 'string', default: 'sqlite' },
  },
});

const ROWS = [
  { name: 'one process', starts: 0.5, longest: 2000 },
  { name: 'one process', starts: 5, longest: 2000 },
  { name: 'one process', starts: 30, longest: 2000 },
  { name: 'one process', starts: 500, longest: 200 },
  { name: '4 processes, shared', starts: 100, longest: 500, processes: 4, scope: 'shared' },
  { name: '4 processes, shared', starts: 1000, longest: 100, processes: 4, scope: 'shared' },
  { name: '4 processes, split', starts: 100, longest: 500, processes: 4, scope: 'split' },
  { name: '4 processes, split', starts: 1000, longest: 100, processes: 4, scope: 'split' },
];

/** Left out at the beginning: the processes start one after the other, and shares of a split limit are agreed upon. */
const SETTLING = { process: 1000, shared: 2000, split: 12_000 };

async function measure({ starts, longest, processes = 1, scope = 'process' }, seconds) {
  const several = processes > 1;
  const place = { broker: several ? options.broker : 'memory', file: temporaryFile() };
  const children = [];
  const launch = async (settings) => {
    const child = fork(CHILD, [JSON.stringify({ ...place, rate: { starts, scope }, longest, ...settings })]);
    children.push(child);
    await answer(child);
    return child;
  };
  try {
    const ms = seconds * 1000 + SETTLING[scope];
    const tasks = Math.ceil((starts * (ms + 5000)) / 1000) + 20;
    if (several) await stop(await launch({ tasks, consume: false }));
    const running = await Promise.all(Array.from({ length: processes }, () => launch({ tasks: several ? 0 : tasks })));
    await new Promise((resolve) => setTimeout(resolve, ms));
    const measured = await Promise.all(running.map(stop));
    return summary(measured, SETTLING[scope]);
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    if (place.broker === 'redis') await swept();
  }
}

async function answer(child) {
  const died = once(child, 'exit').then(() => Promise.reject(new Error('A process of the measurement ended early')));
  const [message] = await Promise.race([once(child, 'message'), died]);
  died.catch(() => {});
  return message;
}

async function stop(child) {
  child.send('stop');
  return answer(child);
}

function summary(measured, settling) {
  const all = measured.flatMap(({ starts }) => starts).toSorted((a, b) => a - b);
  const times = all.filter((time) => time >= all[0] + settling);
  const perTask = (key) => measured.reduce((sum, each) => sum + each[key], 0) / all.length;
  const perSecond = ((times.length - 1) / (times.at(-1) - times[0])) * 1000;
  return { times, perSecond, reservations: perTask('reservations'), calls: perTask('calls') };
}

function columns(row, { times, perSecond, reservations, calls }) {
  const range = ({ fewest, most }) => (Number.isFinite(fewest) ? `${fewest}–${most}` : `up to ${most}`);
  return [
    row.name,
    `${row.starts}/s`,
    `${perSecond.toFixed(3)}/s`,
    `${((perSecond / row.starts) * 100).toFixed(2)} %`,
    range(windows(times, 1000)),
    range(windows(times, 10_000)),
    `${closest(times).toFixed(2)} ms`,
    row.scope === 'shared' ? reservations.toFixed(3) : '–',
    row.processes ? calls.toFixed(3) : '–',
  ];
}

const COUNTS = ['reservations per task', 'store calls per task'];
const HEAD = ['', 'limit', 'reached', 'of it', 'in any 1 s', 'in any 10 s', 'closest', ...COUNTS];
const seconds = Number(options.seconds);
console.log(`${seconds} s a row, ${options.broker}, Node ${process.version}, ${availableParallelism()} cores\n`);
console.log(`| ${HEAD.join(' | ')} |\n|${' --- |'.repeat(HEAD.length)}`);
for (const row of ROWS) {
  if (!`${row.name} ${row.starts}/s`.includes(options.only)) continue;
  console.log(`| ${columns(row, await measure(row, seconds)).join(' | ')} |`);
}
