import { expect, it } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { KafkaCommitter } from '../../lib/brokers/kafka/committer.js';
import { KafkaPartitions } from '../../lib/brokers/kafka/partitions.js';
import type { Entry } from '../../lib/brokers/kafka/window.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

const entryOf = ({ receipt }: Delivery): Entry => receipt as Entry;

/** `count` partitions, of each one message is out. */
async function holding(count: number): Promise<{ partitions: KafkaPartitions; entries: Entry[] }> {
  const partitions = new KafkaPartitions(10, 10);
  partitions.assign([...Array.from({ length: count }).keys()]);
  await partitions.open(async () => new Map());
  for (const window of partitions.windows) {
    window.add(0, Buffer.from('m'));
    window.marked(window.marks().last);
  }
  return { partitions, entries: partitions.take(count).map(entryOf) };
}

it('What ends while others of its member are stored is not given up before it is stored, too', async () => {
  const { partitions, entries } = await holding(2);
  const answers: (() => void)[] = [];
  const committer = new KafkaCommitter({
    clock: new ManualClock(),
    windows: () => partitions.windows,
    commit: () => new Promise((resolve) => answers.push(resolve)),
    expelled: () => undefined,
    failed: (error) => error as Error,
  });
  partitions.assign([]);
  entries[0]!.window.ack(entries[0]!);
  const { idle } = partitions;
  const stored = committer.flush();
  await Promise.resolve();
  entries[1]!.window.ack(entries[1]!);
  answers[0]!();
  await stored;
  partitions.giveUp(idle);
  expect([...partitions.windows]).toEqual([entries[1]!.window]);
  const rest = partitions.idle;
  const all = committer.flush();
  await Promise.resolve();
  answers[1]!();
  await all;
  partitions.giveUp(rest);
  expect([...partitions.windows]).toEqual([]);
});

it('What is to stay after all is not given up', async () => {
  const { partitions, entries } = await holding(1);
  partitions.assign([]);
  entries[0]!.window.ack(entries[0]!);
  const { idle } = partitions;
  partitions.assign([0]);
  partitions.giveUp(idle);
  expect([partitions.untold, [...partitions.windows].length]).toEqual([false, 1]);
});
