import { beforeAll, describe, expect, it } from 'vitest';
import { buildChaos, run, survives } from './run-chaos.js';

beforeAll(() => buildChaos(), 180_000);

describe('processes that stand still', () => {
  survives('freeze', ({ faults, staleRefused }) => faults! > 0 && staleRefused! > 0);
  survives('block', ({ faults, staleRefused }) => faults === 1 && staleRefused! > 0);
});

describe('processes that can not write', () => {
  survives('lock', ({ faults, rejected }) => faults === 1 && rejected! > 0);
  survives('disk-full', ({ faults, rejected }) => faults === 1 && rejected! > 0);
});

describe('the soak', () => {
  it('ends each of its tasks, in whatever way it must', { timeout: 120_000 }, async () => {
    const { code, output } = await run('soak/main.js', '--minutes', '0.1', '--every', '1');
    expect(code, output).toBe(0);
    expect(output).toMatch(/\| faults reported \| 0 \|/);
    // Each part of the load was there.
    for (const end of ['done', 'retried', 'requeued', 'filtered', 'expired', 'dead', 'late'])
      expect(output).toMatch(new RegExp(`\\b${end} [1-9]`));
  });
});
