import { Injectable } from '@nestjs/common';
import { Consumer, getBrokerToken, type Broker } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { describe, expect, it } from 'vitest';
import { boot, collect, turns } from '../nest/support/app.js';
import { putRaw } from './queues.js';

@Injectable()
class Counter {
  readonly runs = new Map<string, number>();

  @Consumer({ queue: 'equal', filter: true, concurrency: 50 })
  async equal(id: string, _other: unknown): Promise<void> {
    await turns(1);
    this.#count(id);
  }

  @Consumer({ queue: 'same', filter: true, concurrency: 1 })
  async same(id: string): Promise<void> {
    await turns(1);
    this.#count(id);
  }

  #count(id: string): void {
    this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
  }
}

const task = (id: string, args: unknown[]): string => JSON.stringify({ v: 1, id, args, publishedAt: 0, attempt: 1 });

describe('messages that come more than once', () => {
  it.each([
    // Each copy is another task with equal arguments, their keys in another order.
    [
      'equal',
      1000,
      (n: number, copy: number) => task(`${n}/${copy}`, [`${n}`, copy % 2 ? { a: 1, b: [n] } : { b: [n], a: 1 }]),
    ],
    // The broker hands out one task again and again: it is done each time, and keeps its result and its record.
    ['same', 1999, (n: number) => task(`${n}`, [`${n}`])],
  ])('are executed once with a filter: %s', async (queue, count, copyOf) => {
    const { app, events } = await boot({ providers: [Counter] }, { stores: { coordination: memoryCoordination() } });
    const copies = Array.from({ length: 1000 }, (_, n) =>
      Array.from({ length: 1 + (n % 3) }, (_each, copy) => copyOf(n, copy)),
    );
    const shuffled = copies.flat().toSorted((a, b) => digest(a) - digest(b));
    const done = collect(events, 'done', count);
    const others = shuffled.length - count;
    const filtered = others > 0 && collect(events, 'filtered', others);
    await putRaw(app.get<Broker>(getBrokerToken()), queue, shuffled);
    await Promise.all([done, filtered]);
    const { runs } = app.get(Counter);
    expect(runs.size).toBe(1000);
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
  });
});

/** A number that has nothing to do with the text's order. */
function digest(text: string): number {
  return [...text].reduce((sum, sign) => (sum * 31 + sign.charCodeAt(0)) % 1_000_003, 7);
}
