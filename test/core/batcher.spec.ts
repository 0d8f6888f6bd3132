import { describe, expect, it } from 'vitest';
import { Batcher } from '../../lib/core/batcher.js';

describe('a batcher', () => {
  it('sends what is added in one turn as one call', async () => {
    const calls: number[][] = [];
    const batcher = new Batcher<number, void>(async (items) => (calls.push([...items]), []), 100);
    await Promise.all([1, 2, 3].map((n) => batcher.add(n)));
    expect(calls).toEqual([[1, 2, 3]]);
  });

  it('keeps one call in flight and sends what gathered meanwhile as the next', async () => {
    const calls: number[][] = [];
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const send = async (items: readonly number[]) => {
      calls.push([...items]);
      if (calls.length === 1) await gate;
      return [];
    };
    const batcher = new Batcher<number, void>(send, 100);
    const first = batcher.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [2, 3, 4].map((n) => batcher.add(n));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual([[1]]);
    open();
    await Promise.all([first, ...rest]);
    expect(calls).toEqual([[1], [2, 3, 4]]);
  });

  it('splits at its limit and keeps the order', async () => {
    const calls: number[][] = [];
    const batcher = new Batcher<number, void>(async (items) => (calls.push([...items]), []), 2);
    await Promise.all([1, 2, 3, 4, 5].map((n) => batcher.add(n)));
    expect(calls).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('settles each promise by its own member, and rejects all of a call that threw', async () => {
    let fail = false;
    const send = async (items: readonly number[]) => {
      if (fail) throw new Error('down');
      return items.map((n) => (n % 2 ? `odd ${n}` : undefined));
    };
    const batcher = new Batcher<number, string | undefined>(send, 100);
    expect(await Promise.all([1, 2, 3].map((n) => batcher.add(n)))).toEqual(['odd 1', undefined, 'odd 3']);
    fail = true;
    const outcomes = await Promise.allSettled([4, 5].map((n) => batcher.add(n)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fail = false;
    expect(await batcher.add(6)).toBeUndefined();
  });

  it('flushes what is under way', async () => {
    let sent = 0;
    const batcher = new Batcher<number, void>(async (items) => {
      await new Promise((resolve) => setImmediate(resolve));
      sent += items.length;
      return [];
    }, 1);
    void batcher.add(1);
    void batcher.add(2);
    await batcher.flush();
    expect(sent).toBe(2);
  });
});
