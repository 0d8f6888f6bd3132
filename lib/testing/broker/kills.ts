import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../../contracts/broker.js';
import { Ledger } from './ledger.js';
import { numbered, sameTexts, textOf, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';
import { Worker, type WorkerOrder } from './workers.js';

const MESSAGES = 20;
const TAKEN = 8;

/** Why processes can't be killed here. */
export function noKills({ features, workers }: BrokerFacts): string | false {
  if (!features.durable || !features.shared) return 'not both durable and shared';
  if (features.redelivery === 'none') return 'what a consumer leaves never comes back';
  return !workers && 'no workers were given';
}

/** Real processes that are killed, or end in order, at a known moment. */
export function killCases(facts: BrokerFacts): BrokerCase[] {
  const skip = noKills(facts);
  const moments = {
    claim: 'between receive and start',
    start: 'in the middle of its tasks',
    end: 'after the work, before the ack',
  };
  const killed = Object.entries(moments).map(([die, moment]): BrokerCase => ({
    name: `kill: a process killed ${moment} loses nothing`,
    skip,
    timeout: 60_000,
    async run(trial) {
      const crew = await Crew.of(trial);
      const worker = crew.hire({ die: die as 'claim' | 'start' | 'end', max: TAKEN });
      await worker.exited;
      const claimed = crew.ledger.names('claim');
      assert.ok(claimed.length > 0, `the worker took nothing: ${worker.complaint}`);
      const again = await crew.takeAll(MESSAGES);
      sameTexts(texts(again), numbered(MESSAGES), 'every message must come again, and only once');
      for (const delivery of again) {
        const known = claimed.includes(textOf(delivery));
        // A client may have fetched more than its consumer received: that may be told too.
        assert.ok(
          delivery.redelivered === 1 || (!known && delivery.redelivered === 0),
          `redelivered: ${delivery.redelivered}`,
        );
      }
    },
  }));
  return [
    ...killed,
    {
      name: 'kill: a message that kills every process is counted at each hand-out',
      skip,
      timeout: 90_000,
      async run(trial) {
        const crew = await Crew.of(trial, ['poison']);
        for (let death = 1; death <= 3; death++) {
          const worker = crew.hire({ die: 'claim', max: 1 });
          await worker.exited;
          assert.equal(crew.ledger.names('claim').length, death, `the worker took nothing: ${worker.complaint}`);
        }
        const [survivor] = await crew.takeAll(1);
        const seen = [...crew.ledger.read().map(({ redelivered }) => redelivered), survivor!.redelivered];
        const counted = facts.features.redelivery === 'counted';
        assert.deepEqual(seen, counted ? [0, 1, 2, 3] : [0, 1, 1, 1]);
      },
    },
    {
      name: 'stop: a process that ends in order gives everything back at once, uncounted',
      skip,
      timeout: 60_000,
      async run(trial) {
        const crew = await Crew.of(trial);
        const worker = crew.hire({ max: TAKEN, work: 60_000, lease: 60_000 });
        await trial.until('the first deliveries', () => crew.ledger.names('start').length >= 1);
        await worker.stop();
        const stopped = trial.clock.monotonic();
        assert.deepEqual(crew.ledger.names('release'), crew.ledger.names('start'), worker.complaint);
        const again = await crew.takeAll(MESSAGES);
        const took = trial.clock.monotonic() - stopped;
        assert.ok(took <= facts.tolerance, `they came after ${Math.round(took)} ms`);
        sameTexts(texts(again), numbered(MESSAGES));
        if (facts.features.redelivery !== 'counted') return;
        for (const { redelivered } of again) assert.equal(redelivered, 0, 'what was released is not redelivered');
      },
    },
  ];
}

/** The workers of one case and what they wrote. */
export class Crew {
  readonly ledger: Ledger;
  readonly workers: Worker[] = [];

  private constructor(private readonly trial: BrokerTrial) {
    const folder = mkdtempSync(join(tmpdir(), 'funq-conformance-'));
    this.ledger = new Ledger(join(folder, 'ledger'));
    writeFileSync(this.ledger.file, '');
    trial.atEnd(async () => {
      await Promise.all(this.workers.map((worker) => worker.kill()));
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** A crew before a queue that holds `names`. */
  static async of(trial: BrokerTrial, names = numbered(MESSAGES)): Promise<Crew> {
    const crew = new Crew(trial);
    const broker = await trial.open();
    for (let at = 0; at < names.length; at += 500) await trial.publish(broker, names.slice(at, at + 500));
    await broker.close();
    return crew;
  }

  /** Where no lease runs down, a death is noticed by the connection, whatever the lease. */
  get lease(): number {
    return this.trial.facts.lease || 5000;
  }

  hire(order: Partial<WorkerOrder>): Worker {
    const { queue, facts } = this.trial;
    const usual = { queue, ledger: this.ledger.file, lease: this.lease, max: 10, work: 0 };
    const worker = new Worker(facts.workers!, { ...usual, ...order });
    this.workers.push(worker);
    return worker;
  }

  /** Takes what is in the queue now, and insists that it is not more than `count`. */
  async takeAll(count: number): Promise<readonly Delivery[]> {
    const subscription = await this.trial.subscribe(await this.trial.open());
    const taken = await this.trial.finish(subscription, count);
    await this.trial.quiet(subscription);
    return taken;
  }
}
