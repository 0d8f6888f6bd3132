import { describe, expect, it } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { assign } from '../../lib/brokers/kafka/assigner.js';
import { DONE, readMarks, writeMarks } from '../../lib/brokers/kafka/marks.js';
import { topicOf } from '../../lib/brokers/kafka/names.js';
import { KafkaWindow, type Entry } from '../../lib/brokers/kafka/window.js';

const AHEAD = 50;

const entryOf = ({ receipt }: Delivery): Entry => receipt as Entry;

function windowOf(messages: number, base = 0, text: string | null = null): KafkaWindow {
  const window = new KafkaWindow(0, base, text, AHEAD);
  for (let offset = base; offset < base + messages; offset++) window.add(offset, Buffer.from(`m${offset}`));
  return window;
}

/** As its owner leaves it to the next. */
function marked(window: KafkaWindow): string {
  window.leaving = true;
  const { text } = window.marks();
  window.leaving = false;
  return text;
}

function take(window: KafkaWindow, max: number): Delivery[] {
  const taken: Delivery[] = [];
  for (let before = -1; taken.length > before && taken.length < max;) {
    before = taken.length;
    window.marked(window.marks().last);
    window.take(max, taken);
  }
  return taken;
}

/** What the next owner of the partition has to do, with how often it was handed out. */
function next(window: KafkaWindow, messages: number): Record<string, number> {
  const heir = new KafkaWindow(0, window.committed, marked(window), AHEAD);
  for (let offset = window.committed; offset < messages; offset++) heir.add(offset, Buffer.from(`m${offset}`));
  return Object.fromEntries(
    take(heir, 10_000).map(({ body, redelivered }) => [Buffer.from(body).toString(), redelivered]),
  );
}

describe('a partition’s window', () => {
  it('commits no further than all is done', () => {
    const window = windowOf(10);
    const taken = take(window, 6);
    for (const index of [1, 3, 4]) window.ack(entryOf(taken[index]!));
    expect(window.committed).toBe(0);
    window.ack(entryOf(taken[0]!));
    expect(window.committed).toBe(2);
    window.ack(entryOf(taken[2]!));
    expect(window.committed).toBe(5);
    window.ack(entryOf(taken[5]!));
    expect(window.committed).toBe(6);
  });

  it('hands on what is done behind a gap, and how often the rest was handed out', () => {
    const window = windowOf(8);
    const taken = take(window, 6);
    for (const index of [1, 2, 4]) window.ack(entryOf(taken[index]!));
    window.release(entryOf(taken[5]!));
    expect(next(window, 8)).toEqual({ m0: 1, m3: 1, m5: 0, m6: 0, m7: 0 });
  });

  it('keeps what it was told of messages that it has not fetched itself', () => {
    const window = windowOf(10);
    const taken = take(window, 10);
    for (const index of [2, 3, 8]) window.ack(entryOf(taken[index]!));
    const heir = new KafkaWindow(0, window.committed, marked(window), AHEAD);
    heir.add(0, Buffer.from('m0'));
    heir.add(1, Buffer.from('m1'));
    const [first] = take(heir, 1);
    heir.ack(entryOf(first!));
    expect(next(heir, 10)).toEqual({ m1: 1, m4: 1, m5: 1, m6: 1, m7: 1, m9: 1 });
  });

  it('hands out nothing that is not committed as handed out, and a bit more is', () => {
    const window = windowOf(200);
    const taken: Delivery[] = [];
    window.take(10, taken);
    expect(taken).toEqual([]);
    const { text, last } = window.marks();
    expect([text, last?.offset]).toEqual([`funq1 ${AHEAD.toString(36)}.1`, AHEAD - 1]);
    window.dirty = false;
    window.marked(last);
    window.take(20, taken);
    expect([taken.length, window.dirty]).toEqual([20, false]);
    window.take(100, taken);
    expect([taken.length, window.dirty]).toEqual([AHEAD, true]);
  });

  it('hands out nothing that came while all before it was done and a commit under way', () => {
    const window = windowOf(1);
    const [only] = take(window, 1);
    const { last } = window.marks();
    window.ack(entryOf(only!));
    window.add(1, Buffer.from('m1'));
    window.marked(last);
    const taken: Delivery[] = [];
    window.take(10, taken);
    expect(taken).toEqual([]);
  });

  it('takes offsets without a message for done', () => {
    const window = new KafkaWindow(0, 5, null, AHEAD);
    window.add(7, Buffer.from('seven'));
    window.pass(12);
    window.add(12, Buffer.from('twelve'));
    const [seven, twelve] = take(window, 2);
    window.ack(entryOf(twelve!));
    expect([window.committed, marked(window)]).toEqual([7, 'funq1 1.1 5']);
    window.ack(entryOf(seven!));
    expect([window.committed, marked(window)]).toEqual([13, 'funq1']);
  });

  it('gives what was released its old place', () => {
    const window = windowOf(4);
    const taken = take(window, 3);
    window.release(entryOf(taken[1]!));
    expect(take(window, 9).map((delivery) => entryOf(delivery).offset)).toEqual([1, 3]);
    expect(window.out).toBe(4);
  });

  it('is right for any acks, releases and heirs, at random', () => {
    const total = 3000;
    const done = new Set<number>();
    let window = windowOf(total);
    const random = (below: number): number => Math.floor(Math.random() * below);
    while (done.size < total) {
      const out = take(window, 1 + random(200));
      for (const delivery of out) expect(done.has(entryOf(delivery).offset)).toBe(false);
      while (out.length > 0 && Math.random() < 0.95) {
        const some = out.splice(random(out.length), 1 + random(20));
        for (const entry of some.map(entryOf)) {
          if (Math.random() < 0.8) done.add(entry.offset);
          if (done.has(entry.offset)) window.ack(entry);
          else window.release(entry);
        }
      }
      const [base, text] = [window.committed, marked(window)];
      for (let offset = 0; offset < base; offset++) expect(done.has(offset)).toBe(true);
      expect(text.length).toBeLessThan(4001);
      if (Math.random() < 0.3) {
        window = new KafkaWindow(0, base, text, AHEAD);
        for (let offset = base; offset < total; offset++) window.add(offset, new Uint8Array());
      } else for (const delivery of out) window.release(entryOf(delivery));
    }
    expect(window.committed).toBe(total);
  });
});

describe('marks', () => {
  it('are read as they were written', () => {
    const runs = [
      { from: 100, to: 103, count: 0 },
      { from: 103, to: 1103, count: DONE },
      { from: 1103, to: 1104, count: 40 },
    ];
    expect(readMarks(100, writeMarks(runs))).toEqual(runs);
  });

  it.each([
    null,
    '',
    'other tools write here',
    'funq2 1 2',
    'funq1 !',
    'funq1 1.-2',
    'funq1 0.1',
    'funq1 1..2',
    'funq1  1',
  ])('say nothing where they are not ours: %j', (text) => expect(readMarks(7, text)).toEqual([]));

  it('leave out what Kafka would not keep', () => {
    const runs = Array.from({ length: 5000 }, (_, at) => ({ from: at, to: at + 1, count: at % 2 ? DONE : 1 }));
    const text = writeMarks(runs);
    expect(text.length).toBeLessThanOrEqual(4000);
    expect(readMarks(0, text)).toEqual(runs.slice(0, readMarks(0, text).length));
  });
});

describe('sharing out partitions', () => {
  const shares = (claims: Record<string, number[]>, partitions: number): Record<string, number[]> => {
    const list = Object.entries(claims).map(([member, held]) => ({ member, generation: 1, partitions: held }));
    return Object.fromEntries(assign(list, partitions));
  };

  it('gives what is free to all alike', () => {
    expect(shares({ a: [], b: [] }, 4)).toEqual({ a: [0, 1], b: [2, 3] });
    expect(shares({ a: [], b: [], c: [] }, 2)).toEqual({ a: [0], b: [1], c: [] });
  });

  it('leaves its share to a member, and what is beyond it to nobody until that has given it up', () => {
    expect(shares({ a: [0, 1, 2, 3], b: [] }, 4)).toEqual({ a: [0, 1], b: [] });
    expect(shares({ a: [0, 1], b: [] }, 4)).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it('believes the later of two that claim the same, and nobody who claims what there is not', () => {
    const claims = [
      { member: 'late', generation: 7, partitions: [0] },
      { member: 'early', generation: 3, partitions: [0, 1, 9] },
    ];
    expect(Object.fromEntries(assign(claims, 2))).toEqual({ late: [0], early: [1] });
  });
});

describe('topics', () => {
  it('are called as their queues where Kafka takes that', () => {
    expect(['orders', 'send-mail', 'orders.dead', 'a_b', 'a:b'].map(topicOf)).toEqual([
      'orders', 'send-mail', 'orders.dead', 'a__b', 'a___3ab',
    ]); // prettier-ignore
  });

  it('are never alike for Kafka, which takes . and _ for the same', () => {
    const parts = ['a', '.', '_', ':', '-', '3', '~', '.'];
    const queues = new Set<string>();
    for (let n = 0; n < 20_000; n++)
      queues.add(Array.from({ length: 1 + (n % 6) }, () => parts[Math.floor(Math.random() * parts.length)]).join(''));
    const topics = new Set([...queues].map((queue) => topicOf(queue).replaceAll('.', '_')));
    expect(topics.size).toBe(queues.size);
  });

  it.each(['.', '..', '', '日'.repeat(100), '*>#{}\'"\n', 'x'.repeat(300)])('are legal for the queue %j', (queue) => {
    if (queue !== '') expect(topicOf(queue)).toMatch(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/);
  });
});
