import { expect, it } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { KafkaCommitter } from '../../lib/brokers/kafka/committer.js';
import type { Commit } from '../../lib/brokers/kafka/member.js';
import { KafkaPartitions } from '../../lib/brokers/kafka/partitions.js';
import { KafkaWindow, type Entry } from '../../lib/brokers/kafka/window.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

const entryOf = ({ receipt }: Delivery): Entry => receipt as Entry;

it('What is given back of a partition that goes to another does not count as handed out', async () => {
  const partitions = new KafkaPartitions(10, 10);
  partitions.assign([0]);
  await partitions.open(async () => new Map());
  const [window] = [...partitions.windows];
  for (let offset = 0; offset < 2; offset++) window!.add(offset, Buffer.from('m'));
  window!.marked(window!.marks().last);
  const [first, second] = partitions.take(2).map(entryOf);
  let stored: Commit | undefined;
  const committer = new KafkaCommitter({
    clock: new ManualClock(),
    windows: () => partitions.windows,
    commit: async ([commit]) => void (stored = commit),
    expelled: () => undefined,
    failed: (error) => error as Error,
  });
  // To go to another; one ends, and then the other is given back: each as `KafkaSubscription` does it.
  partitions.assign([]);
  window!.ack(first!);
  await committer.flush();
  window!.release(second!);
  await committer.flush();
  const { idle } = partitions;
  if (committer.behind || idle.length > 0) await committer.flush();
  partitions.giveUp(idle);
  expect([...partitions.windows]).toEqual([]);
  const heir = new KafkaWindow(0, stored!.offset, stored!.text, 10);
  heir.add(1, Buffer.from('m'));
  heir.marked(heir.marks().last);
  const taken: Delivery[] = [];
  heir.take(1, taken);
  expect(taken.map(({ redelivered }) => redelivered)).toEqual([0]);
});

it('Behind a task that runs long, what is done takes up no room', () => {
  const window = new KafkaWindow(0, 0, null, 100);
  const COUNT = 50_000;
  const taken: Delivery[] = [];
  for (let offset = 0; offset < COUNT; offset++) {
    window.add(offset, new Uint8Array(10));
    window.marked(window.marks().last);
    window.take(1, taken);
    const delivery = taken.pop()!;
    if (offset > 0) window.ack(entryOf(delivery));
  }
  expect(window.committed).toBe(0);
  expect(window.out).toBe(1);
  expect(window.marks().text).toBe(`funq1 1.1 ${(COUNT - 1).toString(36)}`);
});

it('No more than a few megabytes of a partition wait here', async () => {
  const partitions = new KafkaPartitions(10, 10);
  partitions.assign([0, 1]);
  await partitions.open(async () => new Map());
  const [full] = [...partitions.windows];
  for (let offset = 0; offset < 8; offset++) full!.add(offset, new Uint8Array(2 ** 20));
  expect(partitions.low(1000).map(({ partition }) => partition)).toEqual([1]);
});
