import assert from 'node:assert/strict';
import { Random } from '../random.js';
import { Crew, noKills } from './kills.js';
import type { LedgerLine } from './ledger.js';
import { numbered, sameTexts, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';
import type { Worker } from './workers.js';

const WORKERS = 3;
const KILLS = 8;

/** Workers on one queue that are killed at random and replaced. */
export function stormCases(facts: BrokerFacts): BrokerCase[] {
  const { seed, storm } = facts;
  return [
    {
      name: `storm: ${storm} messages through workers killed at random, 0 lost, each repeat explained`,
      skip: noKills(facts),
      timeout: 60_000 + storm * 20,
      async run(trial) {
        const names = numbered(storm);
        const crew = await Crew.of(trial, names);
        const killed = await rage(trial, crew, new Random(seed), storm);
        const lines = crew.ledger.read();
        const ended = new Set(crew.ledger.names('end'));
        sameTexts([...ended], names, `seed ${seed}: lost ${storm - ended.size} of ${storm}`);
        // Work that was finished but not acknowledged comes once more; nothing else is left.
        const left = await leftOver(trial, crew);
        const acked = new Set(crew.ledger.names('ack'));
        const again = left.filter((name) => acked.has(name));
        assert.deepEqual(again, [], `seed ${seed}: acknowledged and still there`);
        const stories = new Map(names.map((name) => [name, [] as LedgerLine[]]));
        for (const line of lines) stories.get(line.name)?.push(line);
        for (const story of stories.values()) {
          assert.ok(
            explained(story, killed, facts),
            `seed ${seed}: repeated without a reason: ${JSON.stringify(story)}`,
          );
        }
      },
    },
  ];
}

/** Kills and replaces workers while the work goes on; resolves to the pids that were killed. */
async function rage(trial: BrokerTrial, crew: Crew, random: Random, storm: number): Promise<ReadonlySet<number>> {
  const order = { max: 10, work: 15, lease: crew.lease * 2 };
  const active: Worker[] = Array.from({ length: WORKERS }, () => crew.hire(order));
  const killed = new Set<number>();
  const ended = (): number => new Set(crew.ledger.names('end')).size;
  // The deaths are spread over the work, whatever its speed.
  for (let death = 1; death <= KILLS; death++) {
    const share = (storm * death) / (KILLS + 1);
    await trial.until(`the first ${Math.round(share)} messages`, () => ended() >= share, patience(trial, storm), 30);
    await trial.clock.sleep(random.between(0, 40));
    const victim = random.between(0, WORKERS - 1);
    killed.add(active[victim]!.pid);
    await active[victim]!.kill();
    active[victim] = crew.hire(order);
  }
  await trial.until(`all ${storm} messages`, () => ended() >= storm, patience(trial, storm), 30);
  await Promise.all(active.map((worker) => worker.stop()));
  return killed;
}

const patience = (trial: BrokerTrial, storm: number): number => trial.facts.patience * 2 + storm * 5;

/** What comes within the leases of the dead. */
async function leftOver(trial: BrokerTrial, crew: Crew): Promise<string[]> {
  const subscription = await trial.subscribe(await trial.open());
  const until = trial.clock.monotonic() + crew.lease * 2.5;
  const names: string[] = [];
  for (let left = crew.lease * 2.5; left > 0; left = until - trial.clock.monotonic()) {
    const taken = await trial.within(left, (signal) => subscription.receive(100, signal));
    await subscription.ack(taken);
    names.push(...texts(taken));
  }
  return names;
}

/** Each hand-out after the first must follow one that died, was given back or was lost; and it must be told. */
function explained(story: readonly LedgerLine[], killed: ReadonlySet<number>, facts: BrokerFacts): boolean {
  const claims = story.filter(({ event }) => event === 'claim');
  const has = (event: LedgerLine['event'], pid: number): boolean =>
    story.some((line) => line.event === event && line.pid === pid);
  return claims.slice(1).every(({ redelivered }, index) => {
    const before = claims.slice(0, index + 1);
    if (!before.every(({ pid }) => (killed.has(pid) || has('release', pid) || has('lost', pid)) && !has('ack', pid))) {
      return false;
    }
    const silent = before.filter(({ pid }) => !has('release', pid)).length;
    return redelivered >= (facts.features.redelivery === 'counted' ? silent : Math.min(1, silent));
  });
}
