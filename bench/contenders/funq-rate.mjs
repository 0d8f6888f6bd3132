import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { temporaryFile } from '../support/brokers.mjs';
import { startApp } from '../support/funq-app.mjs';
import { inFlight } from '../support/timing.mjs';

const STARTER = fileURLToPath(new URL('../support/starter.mjs', import.meta.url));
const WINDOW = 10_000;
/** Left out at the beginning: processes start one after the other. */
const SETTLING = 2000;

/**
 * Starts in every window of ten seconds, wherever it begins: the least and the most. Tasks enough wait all the time, each
 * takes up to `longest` ms; `processes` share the limit.
 */
export async function measure({ broker, rate, seconds, longest, processes = 1 }) {
  const file = temporaryFile();
  const { funq, close } = await startApp({ broker, file });
  const tasks = Math.ceil(rate * (seconds + SETTLING / 1000) * 1.2 + 100);
  if (processes > 1 || broker === 'sqlite') await inFlight(tasks, 1000, (index) => funq.publish('bench', [index]));
  await close();
  const settings = { broker, file, rate, longest, tasks, ms: seconds * 1000 + SETTLING, shared: processes > 1 };
  const lists = await Promise.all(Array.from({ length: processes }, () => startsOf(settings)));
  return windows(
    lists.flat().toSorted((a, b) => a - b),
    rate,
  );
}

async function startsOf(settings) {
  const child = fork(STARTER, [JSON.stringify(settings)], { execArgv: [] });
  const [starts] = await once(child, 'message');
  return starts;
}

/** Windows that begin, or end, at a start: one of these holds the most, one just beside it the least. */
function windows(starts, rate) {
  const from = starts[0] + SETTLING;
  const until = starts.at(-1);
  const within = (begin) => countUpTo(starts, begin + WINDOW) - countUpTo(starts, begin);
  const begins = starts.flatMap((start) => [start, start - 1e-6]).filter((b) => b >= from && b + WINDOW <= until);
  const counts = begins.map(within);
  return { expected: (rate * WINDOW) / 1000, least: Math.min(...counts), most: Math.max(...counts) };
}

/** How many of the sorted `starts` are at or before `moment`. */
function countUpTo(starts, moment) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
