import { expect, it } from 'vitest';
import { proveTicks } from './tick-proof.mjs';

// The long form is `npm run test:schedules`.
it('five processes, five of them killed, make exactly one task of each moment', { timeout: 180_000 }, async () => {
  const step = 200;
  const found = await proveTicks({ schedule: { every: step }, ticks: 60 });
  expect(found).toHaveLength(60);
  const dues = found.map(({ due }) => due).toSorted((a, b) => a - b);
  expect(dues).toEqual(dues.map((_, n) => dues[0]! + n * step));
});
