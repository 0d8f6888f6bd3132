// Runs real processes, does them harm, and makes up the account of every task.
//
//   npm run chaos -- [--broker sqlite] [--fault kill] [--size full] [--seed N] …; see --help
import 'reflect-metadata';
import { BROKERS } from './brokers.js';
import { FAULTS } from './faults.js';
import { machine } from './machine.js';
import { UsageError, describe, readOptions, type Given } from './options.js';
import { experiment, type Result } from './rig/experiment.js';
import type { Fault, Settings } from './rig/fault.js';
import { detailsOf, tableOf } from './rig/report.js';
import { isServed } from './rig/services.js';

const ALL = 'all';

const OPTIONS = {
  broker: { about: 'what carries the tasks', fallback: 'sqlite', of: Object.keys(BROKERS) },
  fault: { about: 'what is done to them', fallback: 'kill', of: [...Object.keys(FAULTS), ALL] },
  size: { about: "each fault's own numbers, of minutes or of seconds", fallback: 'full', of: ['full', 'short'] },
  tasks: { about: 'acknowledged tasks', from: 1, to: 10_000_000 },
  processes: { about: 'consumer processes at a time', from: 1, to: 64 },
  faults: { about: 'how many times harm is done', from: 0, to: 10_000 },
  lease: { about: 'milliseconds', from: 1000, to: 3_600_000 },
  seed: { about: 'repeats the moments and the victims', fallback: Date.now() % 1_000_000, from: 0, to: 2 ** 32 },
} as const;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const given = readOptions(process.argv.slice(2), OPTIONS);
  if (given) process.exitCode = await chaos(given);
  else console.log(`npm run chaos -- [options]\n\n${describe(OPTIONS)}\n\n${faultsInWords()}`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function chaos(options: Given<typeof OPTIONS>): Promise<number> {
  const { broker, seed } = options;
  const names = options.fault === ALL ? Object.keys(FAULTS) : [options.fault];
  console.log(`chaos: ${broker}, seed ${seed}; ${machine()}`);
  const rows: { fault: string; result: Result }[] = [];
  for (const name of names) {
    const fault = FAULTS[name]!;
    const obstacle = obstacleOf(fault, broker);
    if (obstacle) {
      print({ fault: name, impossible: obstacle }, `\n${name}: not possible here: ${obstacle}`);
      continue;
    }
    const settings = settingsOf(fault, options);
    const { tasks, processes, faults, lease } = settings;
    console.log(`\n${name}: ${tasks} tasks, ${processes} processes, ${faults} faults, lease ${lease} ms, seed ${seed}`);
    const result = await experiment({ broker, fault, settings, seed });
    rows.push({ fault: name, result });
    const verdict = result.breaches.length > 0 ? `FAILED: ${result.breaches.join('; ')}` : 'ok';
    const kept = result.kept ? `\n  kept for inspection: ${result.kept}` : '';
    const text = `${detailsOf(result)}\n  ${verdict}, in ${result.seconds.toFixed(0)} s${kept}`;
    print({ broker, fault: name, seed, ...settings, ...result }, text);
  }
  if (rows.length > 0) console.log(`\n${tableOf(rows)}`);
  return rows.some(({ result }) => result.breaches.length > 0) ? 1 : 0;
}

/** For people, and as one line for programs. */
function print(data: object, text: string): void {
  console.log(`${text}\n${JSON.stringify(data)}`);
}

function obstacleOf({ brokers, server, obstacle }: Fault, broker: string): string | undefined {
  if (brokers && !brokers.includes(broker)) return `it is for ${brokers.join(', ')} only`;
  if (server && !isServed(broker)) return `${broker} has no server`;
  return obstacle?.(broker);
}

function settingsOf(fault: Fault, options: Given<typeof OPTIONS>): Settings {
  const own = options.size === 'short' ? fault.short : fault.full;
  const { tasks = own.tasks, processes = own.processes, faults = own.faults, lease = own.lease } = options;
  return { ...own, tasks, processes, faults, lease };
}

function faultsInWords(): string {
  const lines = Object.entries(FAULTS).map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`);
  return `Faults:\n${lines.join('\n')}`;
}
