import { describe, expect, it } from 'vitest';
import type { ResultStore, TaskResult } from 'nestjs-funq';
import { memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { Events } from '../../lib/core/events.js';
import { ResultWriter } from '../../lib/core/results/result-writer.js';

interface Writing {
  readonly clock: ManualClock;
  readonly writer: ResultWriter;
  /** The store's answer: what it keeps, an error, or as long as it takes. */
  answer: (list: readonly TaskResult[]) => ReturnType<ResultStore['save']>;
  readonly kept: TaskResult[];
  /** How many were told as given up, and for which reasons. */
  readonly dropped: () => number;
  readonly reasons: () => Set<string>;
}

function writing(): Writing {
  const clock = new ManualClock();
  const events = new Events();
  const kept: TaskResult[] = [];
  const told: { count: number; error: unknown }[] = [];
  events.on('resultsDropped', (drop) => told.push(drop));
  const keep: Writing['answer'] = async (list) => (kept.push(...list), []);
  const store = { ...memoryResults(), kind: 'fake', save: (list: readonly TaskResult[]) => run.answer(list) };
  const run: Writing = {
    clock,
    writer: new ResultWriter(store as unknown as ResultStore, clock, events),
    answer: keep,
    kept,
    dropped: () => told.reduce((sum, { count }) => sum + count, 0),
    reasons: () => new Set(told.map(({ error }) => (error as Error).message)),
  };
  return run;
}

const result = (n: number, more: Partial<TaskResult> = {}): TaskResult => ({
  id: `${n}`,
  queue: 'q',
  status: 'done',
  attempts: 1,
  host: 'h',
  pid: 1,
  publishedAt: n,
  startedAt: n,
  finishedAt: n,
  ...more,
});

const away = (): Promise<never> => Promise.reject(new Error('away'));

describe('results while the store is away', () => {
  it('wait, and none is lost as long as they fit, at 100 a second for 60 seconds', async () => {
    const run = writing();
    const { answer } = run;
    run.answer = away;
    for (let n = 0; n < 6000; n++) {
      if (n % 100 === 0) await run.clock.advance(1000);
      run.writer.add(result(n));
    }
    expect(run.kept).toEqual([]);
    run.answer = answer;
    await run.clock.advance(20_000);
    expect(run.kept.map(({ id }) => Number(id))).toEqual(Array.from({ length: 6000 }, (_, n) => n));
    expect(run.dropped()).toBe(0);
  });

  it('are given up beyond 10,000, the oldest first, each counted', async () => {
    const run = writing();
    const { answer } = run;
    run.answer = away;
    for (let n = 0; n < 120_000; n++) {
      if (n % 2000 === 0) await run.clock.advance(1000);
      run.writer.add(result(n));
    }
    run.answer = answer;
    await run.clock.advance(30_000);
    expect(run.dropped()).toBe(110_000);
    expect(run.kept.map(({ id }) => Number(id))).toEqual(Array.from({ length: 10_000 }, (_, n) => n + 110_000));
    expect([...run.reasons()]).toEqual(['too many results wait for the store']);
  });

  it('are given up beyond 16 MiB, each counted', async () => {
    const run = writing();
    const { answer } = run;
    run.answer = away;
    for (let n = 0; n < 100; n++) run.writer.add(result(n, { value: new Uint8Array(2 ** 20) }));
    await run.clock.advance(1000);
    run.answer = answer;
    await run.clock.advance(10_000);
    expect(run.kept.length).toBe(15);
    expect(run.dropped() + run.kept.length).toBe(100);
    for (let n = 0; n < 1000; n++) run.writer.add(result(n));
    await run.clock.advance(10_000);
    expect(run.kept.length).toBe(1015);
  });
});

it('a result that is too large to wait for the store costs its contents, and no other record', async () => {
  const run = writing();
  for (let n = 0; n < 100; n++) run.writer.add(result(n, { value: new Uint8Array(1000) }));
  run.writer.add(result(100, { args: new Uint8Array(2 ** 23), value: new Uint8Array(2 ** 23) }));
  await run.clock.advance(1000);
  expect(run.dropped()).toBe(0);
  expect(run.kept.length).toBe(101);
  expect(run.kept.at(-1)).toEqual(result(100, { unserializable: true }));
});

describe('a store that takes its time', () => {
  it('has each record saved or counted as given up, never both', async () => {
    const run = writing();
    let ready = (): void => undefined;
    run.answer = async (list) => {
      await new Promise<void>((resolve) => (ready = resolve));
      run.kept.push(...list);
      return [];
    };
    for (let n = 0; n < 500; n++) run.writer.add(result(n));
    await run.clock.advance(0);
    for (let n = 500; n < 12_000; n++) run.writer.add(result(n));
    ready();
    await run.clock.advance(0);
    run.answer = async (list) => (run.kept.push(...list), []);
    ready();
    await run.clock.advance(20_000);
    ready();
    await run.clock.advance(20_000);
    expect(run.dropped()).toBe(2000);
    expect(run.kept.length).toBe(10_000);
    expect(new Set(run.kept).size).toBe(10_000);
  });

  it('too long for whole batches gets smaller ones', async () => {
    const run = writing();
    run.answer = async (list) => {
      await run.clock.sleep(list.length * 30);
      run.kept.push(...list);
      return [];
    };
    for (let n = 0; n < 2000; n++) run.writer.add(result(n));
    await run.clock.advance(150_000);
    expect(new Set(run.kept.map(({ id }) => id)).size).toBe(2000);
    expect(run.dropped()).toBe(0);
  });

  it('holds up the shutdown for half a minute at most, and what is left is counted', async () => {
    const run = writing();
    run.answer = async (list) => {
      await run.clock.sleep(9000);
      run.kept.push(...list);
      return [];
    };
    for (let n = 0; n < 10_000; n++) run.writer.add(result(n));
    let flushed = false;
    void run.writer.flush().then(() => (flushed = true));
    await run.clock.advance(30_000);
    expect(flushed).toBe(true);
    expect(run.kept.length).toBeGreaterThanOrEqual(1000);
    expect(run.dropped() + run.kept.length).toBe(10_000);
  });

  it('for ever holds up the shutdown for half a minute at most, too', async () => {
    const run = writing();
    run.answer = () => new Promise(() => undefined);
    for (let n = 0; n < 700; n++) run.writer.add(result(n));
    let flushed = false;
    void run.writer.flush().then(() => (flushed = true));
    await run.clock.advance(30_000);
    expect(flushed).toBe(true);
    expect(run.dropped()).toBe(700);
  });

  it('gets what came meanwhile, though that is no whole batch', async () => {
    const run = writing();
    run.answer = async (list) => {
      await run.clock.sleep(2000);
      run.kept.push(...list);
      return [];
    };
    run.writer.add(result(1));
    await run.clock.advance(500);
    run.writer.add(result(2));
    await run.clock.advance(10_000);
    expect(run.kept.map(({ id }) => id)).toEqual(['1', '2']);
  });
});
