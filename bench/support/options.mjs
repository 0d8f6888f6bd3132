import { parseArgs } from 'node:util';

export const HELP = (suites) => `npm run bench -- [options]

  --only <names>   just these suites, separated by commas
  --broker <name>  just the suites of this broker, whose server its variable names (DATABASE_URL, …)
  --rounds <n>     how often each row is measured (5; a suite may have its own number)
  --quick          one short round: shows that everything runs, its figures mean nothing
  --json           the figures as JSON instead of tables
  --help

Suites
${suites.map(({ name, title, asked }) => `  ${name.padEnd(16)} ${title}${asked ? ' (only when asked for)' : ''}`).join('\n')}`;

/** Throws an error that says what would do. */
export function readOptions(args, suites) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      broker: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, json, help } = values;
  return { quick, json, help, rounds: readRounds(values.rounds), suites: readSuites(values, suites) };
}

function readRounds(given) {
  if (given === undefined) return undefined;
  const rounds = Number(given);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 100) return rounds;
  throw new Error(`--rounds is '${given}', but must be a whole number from 1 to 100`);
}

function readSuites({ only, broker }, suites) {
  if (broker !== undefined) return suitesOf(broker, suites);
  if (only === undefined) return suites.filter(({ asked }) => !asked);
  return only.split(',').map((name) => {
    const suite = suites.find((each) => each.name === name.trim());
    if (suite) return suite;
    throw new Error(`--only names '${name}'; there are ${suites.map((each) => each.name).join(', ')}`);
  });
}

function suitesOf(broker, suites) {
  const found = suites.filter((suite) => suite.broker === broker);
  if (found.length > 0) return found;
  const brokers = new Set(suites.flatMap((suite) => suite.broker ?? []));
  throw new Error(`--broker names '${broker}'; there are suites of ${[...brokers].join(', ')}`);
}
