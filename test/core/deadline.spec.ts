import { expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { withDeadline } from '../../lib/contracts/deadline.js';

const late = (): Error => new Error('late');
const never = (): Promise<never> => new Promise(() => undefined);

it.each([
  { blocked: 0, grace: 0 },
  { blocked: 300, grace: 300 },
  { blocked: 1000, grace: 1000 },
  { blocked: 60_000, grace: 1000 },
])('A deadline of 1,000 ms that the loop sees $blocked ms late is over $grace ms after that', async (given) => {
  const clock = new ManualClock();
  let over = NaN;
  withDeadline(clock, 1000, never(), late).catch(() => (over = clock.monotonic()));
  await clock.leap(1000 + given.blocked);
  await clock.advance(2000);
  expect(over).toBe(1000 + given.blocked + given.grace);
  expect(clock.pending).toBe(0);
});

it('An answer that came while the loop was blocked counts', async () => {
  const clock = new ManualClock();
  let answer!: (value: string) => void;
  const asking = withDeadline(clock, 1000, new Promise<string>((resolve) => (answer = resolve)), late);
  await clock.leap(5000);
  answer('heard');
  await expect(asking).resolves.toBe('heard');
  expect(clock.pending).toBe(0);
});
