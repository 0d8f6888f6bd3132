import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MEASURE = fileURLToPath(new URL('../measure.mjs', import.meta.url));

/**
 * Every row of a suite once a round (A B C, A B C …), so that what disturbs the machine for a while disturbs all of them.
 * Resolves to one list of figures for each row.
 */
export async function measureAll(suite, { rounds, quick }) {
  const times = quick ? 1 : (rounds ?? suite.rounds ?? 5);
  const figures = suite.rows.map(() => []);
  for (let round = 1; round <= times; round++) {
    for (const [index, row] of suite.rows.entries()) {
      tell(`${suite.name} ${round}/${times}: ${row.name}`);
      figures[index].push(await measureOne(row, { ...suite.settings, ...row.settings, ...(quick && suite.quick) }));
    }
  }
  tell('');
  return figures;
}

async function measureOne({ name, contender }, settings) {
  const child = fork(MEASURE, [contender, JSON.stringify(settings)], { execArgv: ['--expose-gc'] });
  let figures;
  child.on('message', (message) => (figures = message));
  const [code, signal] = await once(child, 'exit');
  if (code === 0 && figures) return figures;
  throw new Error(`${name} (contenders/${contender}.mjs) failed: ${signal ?? `exit code ${code}`}`);
}

/** One line that is written over, and only where somebody looks at it. */
function tell(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
