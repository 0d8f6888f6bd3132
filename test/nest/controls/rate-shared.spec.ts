import { Injectable } from '@nestjs/common';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Consumer, type RateOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { sqliteCoordination } from 'nestjs-funq/stores/sqlite';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Booted } from '../support/app.js';
import { closest, windows } from '../support/starts.js';

const folder = mkdtempSync(join(tmpdir(), 'funq-shared-rate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Apps with a store of their own each on one file, and tasks enough. */
async function apps(count: number, name: string, rate: Partial<RateOptions>, tasks: number) {
  const clock = new ManualClock();
  const queues = new Map();
  const at: { readonly time: number; readonly app: number }[] = [];
  let calls = 0;
  const started: Booted[] = [];
  for (let app = 0; app < count; app++) {
    @Injectable()
    class Job {
      @Consumer({ queue: 'jobs', rate: { starts: 100, scope: 'shared', ...rate } })
      async run(): Promise<void> {
        at.push({ time: clock.monotonic(), app });
        await clock.sleep(at.length % 7);
      }
    }
    const coordination = sqliteCoordination({ file: join(folder, `${name}.db`) });
    const reserve = coordination.reserve.bind(coordination);
    coordination.reserve = (...args) => (calls++, reserve(...args));
    const options = { clock, brokers: { default: memory({ queues }) }, stores: { coordination } };
    started.push(await boot({ providers: [Job] }, options));
  }
  await started[0]!.funq.publishMany(
    'jobs',
    Array.from({ length: tasks }, () => []),
  );
  const times = (app?: number): number[] =>
    at.filter((start) => app === undefined || start.app === app).map(({ time }) => time);
  return { clock, times, apps: started, calls: () => calls };
}

describe("scope 'shared', with stores on one SQLite file", () => {
  it('keeps all processes together to the limit in every window, and reaches 99 % of it', async () => {
    const { clock, times, calls } = await apps(3, 'together', {}, 2000);
    await clock.advance(10_000);
    const all = times();
    expect(windows(all, 1000).most).toBeLessThanOrEqual(100);
    expect(windows(all, 1000).fewest).toBeGreaterThanOrEqual(99);
    expect(all.length).toBeGreaterThanOrEqual(990);
    expect(closest(all)).toBeGreaterThan(9);
    for (const app of [0, 1, 2]) expect(times(app).length).toBeGreaterThan(250);
    expect(calls()).toBeLessThanOrEqual(all.length + 10);
  });

  it('needs fewer store calls than tasks where starts are close together', async () => {
    const { clock, times, calls } = await apps(2, 'calls', { starts: 2000 }, 4500);
    await clock.advance(2000);
    expect(times().length).toBeGreaterThan(3960);
    expect(windows(times(), 1000).most).toBeLessThanOrEqual(2000);
    expect(calls()).toBeLessThan(times().length / 5);
  });

  it('leaves all of it to the others when a process has ended', async () => {
    const { clock, times, apps: started } = await apps(2, 'ended', {}, 3000);
    await clock.advance(3000);
    await started[1]!.close();
    const from = clock.monotonic();
    await clock.advance(10_000);
    expect(times(0).filter((time) => time > from).length).toBeGreaterThanOrEqual(990);
  });

  it('loses just the starts that a process had reserved when it was killed', async () => {
    const { clock, times } = await apps(1, 'killed', {}, 2000);
    await clock.advance(2000);
    const killed = sqliteCoordination({ file: join(folder, 'killed.db') });
    await killed.connect({ clock });
    // 25 ms ahead, and nobody there to take them.
    await killed.reserve('default/jobs', 10.05, 1, 3);
    await killed.close();
    const from = clock.monotonic();
    await clock.advance(5000);
    const count = times().filter((time) => time > from).length;
    expect([count >= 493, count <= 495]).toEqual([true, true]);
  });
});
