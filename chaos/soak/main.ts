// Runs a mixed load for a while and measures whether memory or open handles grow.
//
//   npm run soak -- [--minutes 30] [--broker sqlite] [--load 300] [--every 10] [--seed N]
import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FunqEvents, FunqModule, FunqPublisher, getBrokerToken, type Broker } from 'nestjs-funq';
import { sqliteCoordination, sqliteResults } from 'nestjs-funq/stores/sqlite';
import { BROKERS } from '../brokers.js';
import { machine } from '../machine.js';
import { UsageError, describe, readOptions, type Given } from '../options.js';
import { urlOf } from '../rig/services.js';
import { namespaceOf } from '../rig/site.js';
import { GRAVEYARD, SoakFunctions } from './functions.js';
import { Load } from './load.js';
import { growthOf, lineOf, takeSample, type Growth, type Sample } from './samples.js';
import { Tally } from './tally.js';
import { JUDGED_FROM, LIMITS, breachesOf, show } from './verdict.js';

const OPTIONS = {
  minutes: { about: 'how long the load goes on', fallback: 30, from: 0.1, to: 10_000 },
  broker: { about: 'what carries the tasks', fallback: 'sqlite', of: Object.keys(BROKERS) },
  load: { about: 'tasks published a second', fallback: 300, from: 1, to: 10_000 },
  every: { about: 'seconds between two lines', fallback: 10, from: 0.1, to: 3600 },
  seed: { about: 'repeats a run', fallback: Date.now() % 1_000_000, from: 0, to: 2 ** 32 },
} as const;

/** Part of the run in which caches fill, at most five minutes of it. */
const warmUpOf = (minutes: number): number => Math.min(5, minutes / 3) / 60;
/** Milliseconds for the last tasks to end. */
const DRAIN = 60_000;

try {
  const given = readOptions(process.argv.slice(2), OPTIONS);
  if (given) process.exitCode = await soak(given);
  else console.log(`npm run soak -- [options]\n\n${describe(OPTIONS)}`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function soak(options: Given<typeof OPTIONS>): Promise<number> {
  const { minutes, every, seed } = options;
  console.log(`soak: ${minutes} minutes of ${options.load} tasks/s on ${options.broker}, seed ${seed}; ${machine()}`);
  const folder = mkdtempSync(join(tmpdir(), 'funq-soak-'));
  const place = { folder, url: await urlOf(options.broker), namespace: namespaceOf(folder) };
  const app = await start(folder, await BROKERS[options.broker]!.open(place));
  const broker = app.get<Broker>(getBrokerToken('default'));
  const tally = new Tally(app.get(FunqEvents));
  const load = new Load(app.get(FunqPublisher), options.load, seed);
  const since = performance.now();
  const samples: Sample[] = [];

  load.start();
  while (performance.now() - since < minutes * 60_000) {
    await sleep(every * 1000);
    const sample = takeSample(since, tally.ended, folder);
    console.log(lineOf(sample));
    samples.push(sample);
    await broker.purge?.(GRAVEYARD);
  }
  await load.stop();
  for (const end = performance.now() + DRAIN; tally.ended < load.published && performance.now() < end;) await sleep(50);
  await app.close();
  rmSync(folder, { recursive: true, force: true });

  const growth = growthOf(samples, warmUpOf(minutes));
  const { published, errors } = load;
  const breaches = breachesOf({ minutes, published, ended: tally.ended, faults: tally.faults, errors, growth });
  console.log(`\n${String(tally)}\n`);
  console.log(table(published, tally, samples, growth));
  console.log(breaches.length > 0 ? `\nfailed: ${breaches.join('; ')}` : '\npassed');
  if (minutes < JUDGED_FROM) console.log(`growth is judged from ${JUDGED_FROM} minutes on`);
  return breaches.length > 0 ? 1 : 0;
}

/** An ordinary app that publishes and consumes. */
function start(folder: string, broker: Broker): Promise<INestApplicationContext> {
  const file = join(folder, 'stores.db');
  const stores = { results: sqliteResults({ file }), coordination: sqliteCoordination({ file }) };

  @Module({ imports: [FunqModule.forRoot({ brokers: { default: broker }, stores })], providers: [SoakFunctions] })
  class App {}

  // Failing tasks are part of the load, and not worth a line each.
  return NestFactory.createApplicationContext(App, { logger: ['fatal'] });
}

function table(published: number, tally: Tally, samples: readonly Sample[], growth: Growth): string {
  const last = samples.at(-1)!;
  const rows = [
    ['minutes', (last.at * 60).toFixed(1)],
    ['tasks published / ended', `${published} / ${tally.ended}`],
    ['faults reported', String(tally.faults)],
    [`RSS at the end, slope (limit ${LIMITS.rss})`, `${last.rss.toFixed(1)} MB, ${show(growth.rss)}`],
    [`live heap at the end, slope (limit ${LIMITS.heap})`, `${last.heap.toFixed(1)} MB, ${show(growth.heap)}`],
    ['files at the end, slope', `${last.disk.toFixed(1)} MB, ${show(growth.disk)}`],
    ['open handles, growth (limit 0)', String(growth.handles)],
    ['pending timers and requests, growth', String(growth.passing)],
  ];
  return ['| soak | |', '| --- | --- |', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}
