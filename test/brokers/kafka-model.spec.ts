import { ProtocolError } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import type { Delivery } from 'nestjs-funq';
import { KafkaCommitter } from '../../lib/brokers/kafka/committer.js';
import type { Commit } from '../../lib/brokers/kafka/member.js';
import { KafkaPartitions, type Committed } from '../../lib/brokers/kafka/partitions.js';
import type { Entry, KafkaWindow } from '../../lib/brokers/kafka/window.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

const COUNT = 3;
const MESSAGES = 60;
const entryOf = ({ receipt }: Delivery): Entry => receipt as Entry;

function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const tick = async (n = 1): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A log with gaps, what the group remembers, and what really became of each message. */
class World {
  readonly offsets: number[][] = [];
  readonly ends: number[] = [];
  readonly committed = new Map<number, Committed>();
  readonly done = new Set<string>();
  /** Deaths with the message in hand: the count has to be at least this. */
  readonly deaths = new Map<string, number>();
  generation = 1;

  constructor(readonly random: (below: number) => number) {
    for (let p = 0; p < COUNT; p++) {
      const list: number[] = [];
      let at = random(5);
      for (let n = 0; n < MESSAGES; n++) {
        list.push(at);
        at += random(4) === 0 ? 1 + random(6) : 1;
      }
      this.offsets.push(list);
      this.ends.push(at + random(3));
    }
  }
}

interface Pending {
  commits: readonly Commit[];
  generation: number;
  resolve(): void;
  reject(e: unknown): void;
}

class Member {
  readonly partitions: KafkaPartitions;
  readonly committer: KafkaCommitter;
  readonly out = new Map<string, Delivery>();
  readonly pending: Pending[] = [];
  generation: number;
  flushes: Promise<unknown>[] = [];
  constructor(
    readonly world: World,
    clock: ManualClock,
    ahead: number,
    readonly most: number,
  ) {
    this.generation = world.generation;
    this.partitions = new KafkaPartitions(ahead, most);
    this.committer = new KafkaCommitter({
      clock,
      windows: () => this.partitions.windows,
      commit: (commits) =>
        new Promise<void>((resolve, reject) =>
          this.pending.push({ commits, generation: this.generation, resolve, reject }),
        ),
      expelled: () => this.partitions.lose(),
      failed: (error) => error as Error,
    });
  }
  flush(): void {
    this.flushes.push(this.committer.flush().catch(() => undefined));
  }
  /** The server takes the oldest commit, or not; the answer may be lost. */
  answer(): void {
    const next = this.pending.shift();
    if (!next) return;
    const { random } = this.world;
    const stale = next.generation !== this.world.generation;
    if (stale) return next.reject(new ProtocolError('ILLEGAL_GENERATION'));
    const roll = random(10);
    if (roll === 0) return next.reject(new Error('never came'));
    for (const { partition, offset, text } of next.commits) this.world.committed.set(partition, { offset, text });
    if (roll === 1) return next.reject(new Error('answer lost'));
    next.resolve();
  }
  async open(): Promise<void> {
    await this.partitions.open(async () => new Map(this.world.committed));
  }
  fetch(window: KafkaWindow): void {
    const { offsets, ends, random } = this.world;
    const list = offsets[window.partition]!;
    const from = list.findIndex((offset) => offset >= window.position);
    const some = from < 0 ? [] : list.slice(from, from + 1 + random(40));
    for (const offset of some) window.add(offset, Buffer.from(String(offset)));
    const after = from < 0 ? ends[window.partition]! : (list[from + some.length] ?? ends[window.partition]!);
    window.pass(random(2) ? after : (some.at(-1) ?? window.position - 1) + 1);
  }
  take(max: number): void {
    for (const delivery of this.partitions.take(max)) {
      const { window, offset } = entryOf(delivery);
      const key = `${window.partition}:${offset}`;
      expect(this.world.done.has(key), `${key} runs again`).toBe(false);
      expect(this.out.has(key), `${key} is out twice`).toBe(false);
      expect(delivery.redelivered, `${key} redelivered`).toBeGreaterThanOrEqual(this.world.deaths.get(key) ?? 0);
      this.out.set(key, delivery);
    }
  }
  settle(done: boolean): void {
    const keys = [...this.out.keys()];
    if (keys.length === 0) return;
    const key = keys[this.world.random(keys.length)]!;
    const entry = entryOf(this.out.get(key)!);
    this.out.delete(key);
    if (done) {
      entry.window.ack(entry);
      this.world.done.add(key);
    } else entry.window.release(entry);
  }
}

async function run(seed: number): Promise<void> {
  const random = seeded(seed);
  const world = new World(random);
  const clock = new ManualClock();
  let member = new Member(world, clock, 1 + random(30), 1 + random(40));
  let owned = [0, 1, 2];
  member.partitions.assign(owned);
  await member.open();
  const acked = new Map<string, boolean>();
  void acked;
  /** The stored state never lies: everything before is done, what it says is done is. */
  const check = (): void => {
    for (const [partition, { offset }] of world.committed)
      for (const each of world.offsets[partition]!)
        if (each < offset) expect(world.done.has(`${partition}:${each}`), `${partition}:${each} skipped`).toBe(true);
  };
  const drain = async (): Promise<void> => {
    for (let n = 0; n < 2000; n++) {
      member.flush();
      await tick();
      if (member.pending.length === 0) {
        await clock.advance(200);
        if (
          ![...member.partitions.windows].some(({ dirty }) => dirty) &&
          member.pending.length === 0 &&
          !member.committer.behind
        )
          return;
      }
      member.answer();
      await tick();
    }
    throw new Error('never drained');
  };
  for (let step = 0; world.done.size < COUNT * MESSAGES && step < 60_000; step++) {
    const what = random(100);
    if (what < 25) for (const window of member.partitions.low(30)) member.fetch(window);
    else if (what < 45) member.take(1 + random(30));
    else if (what < 70) for (let n = random(12); n >= 0; n--) member.settle(random(5) !== 0);
    else if (what < 80) member.flush();
    else if (what < 93) member.answer();
    else if (what < 95) {
      // The group forms anew: the member keeps what it claims, or is to leave some.
      member.partitions.tell();
      world.generation++;
      if (random(2)) await tick();
      member.generation = world.generation;
      owned = [0, 1, 2].filter(() => random(3) !== 0);
      member.partitions.assign(owned);
      await member.open();
    } else if (what < 97) {
      // As #handOn.
      const idle = member.partitions.idle;
      await drain();
      member.partitions.giveUp(idle);
      const left = new Set([...member.partitions.windows].map(({ partition }) => partition));
      for (const key of member.out.keys()) expect(left.has(Number(key.split(':')[0]))).toBe(true);
      if (random(2)) {
        member.partitions.tell();
        member.partitions.assign([0, 1, 2]);
        await member.open();
      }
    } else if (what === 97) {
      // A clean end: what is out goes back.
      const released = random(2) === 0;
      if (released) while (member.out.size > 0) member.settle(false);
      const before = new Map([...member.out.keys()].map((key) => [key, world.deaths.get(key) ?? 0]));
      void before;
      member.partitions.leave();
      await drain();
      member.partitions.lose();
      world.generation++;
      for (const key of member.out.keys()) world.deaths.set(key, (world.deaths.get(key) ?? 0) + 1);
      member = new Member(world, clock, 1 + random(30), 1 + random(40));
      member.partitions.assign([0, 1, 2]);
      await member.open();
    } else if (what === 98) {
      // Dies after what is done is stored: each that is in hand counts.
      await drain();
      for (const key of member.out.keys()) world.deaths.set(key, (world.deaths.get(key) ?? 0) + 1);
      member.partitions.lose();
      world.generation++;
      member = new Member(world, clock, 1 + random(30), 1 + random(40));
      member.partitions.assign([0, 1, 2]);
      await member.open();
    } else {
      // Dies in the middle: what was done and not stored may come again.
      for (const key of member.out.keys()) world.deaths.set(key, (world.deaths.get(key) ?? 0) + 1);
      while (member.pending.length > 0 && random(2)) member.answer();
      member.partitions.lose();
      world.generation++;
      const stored = new Set<string>();
      const next = new Member(world, clock, 1 + random(30), 1 + random(40));
      next.partitions.assign([0, 1, 2]);
      await next.open();
      // What the group knows as done stays so; all else is open again.
      for (const window of next.partitions.windows) {
        const list = world.offsets[window.partition]!;
        const probe = new (window.constructor as typeof KafkaWindow)(
          window.partition,
          window.position,
          world.committed.get(window.partition)?.text ?? null,
          0,
        );
        for (const offset of list) {
          const waiting = probe.waiting;
          if (offset < probe.position) {
            stored.add(`${window.partition}:${offset}`);
            continue;
          }
          probe.add(offset, new Uint8Array());
          if (probe.waiting === waiting) stored.add(`${window.partition}:${offset}`);
        }
      }
      for (const key of stored) expect(world.done.has(key), `${key} lost`).toBe(true);
      for (const key of world.done) if (!stored.has(key)) world.done.delete(key);
      member = next;
    }
    if (step % 5 === 0) await tick();
    if (step % 50 === 0) await clock.advance(100);
    check();
  }
  expect(world.done.size).toBe(COUNT * MESSAGES);
}

it('model', { timeout: 280_000 }, async () => {
  const base = Number(process.env['SEED'] ?? 1);
  for (let seed = base; seed < base + Number(process.env['RUNS'] ?? 20); seed++) {
    try {
      await run(seed);
    } catch (error) {
      (error as Error).message = `seed ${seed}: ${(error as Error).message}`;
      throw error;
    }
  }
});
