// npm run bench: measures, prints tables. Nothing here passes or fails by the clock; see README.md in this folder.
import { measureAll } from './support/rounds.mjs';
import { machine } from './support/machine.mjs';
import { HELP, readOptions } from './support/options.mjs';
import { summarize } from './support/summary.mjs';
import { heading, table } from './support/table.mjs';
import { SUITES } from './suites/index.mjs';

try {
  const options = readOptions(process.argv.slice(2), SUITES);
  if (options.help) console.log(HELP(SUITES));
  else await run(options);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function run({ suites, rounds, quick, json }) {
  const about = { ...machine(), quick };
  const done = [];
  if (!json) console.log(heading(about));
  for (const suite of suites) {
    const summary = summarize(suite, await measureAll(suite, { rounds, quick }), quick);
    done.push(summary);
    if (!json) console.log(table(summary));
  }
  if (json) console.log(JSON.stringify({ machine: about, suites: done }, undefined, 2));
}
