// Runs one schedule in several processes on one SQLite file, kills them with -9 again and again, and counts what was published.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JsonCodec } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';

const WORKER = fileURLToPath(new URL('./schedule-worker.mjs', import.meta.url));
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
};

/** Resolves to what stands in the queue when `ticks` moments, and a while more, have passed. */
export async function proveTicks({ schedule, ticks, processes = 5, kills = 5, random = Math.random, log = () => {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'funq-ticks-'));
  const file = join(folder, 'funq.db');
  const broker = sqlite({ file });
  await broker.connect({ clock });
  const alive = new Set();
  const ready = new Set();
  const endAll = () => alive.forEach((child) => child.kill('SIGKILL'));
  process.once('exit', endAll);

  const start = () => {
    const child = fork(WORKER, [file, JSON.stringify({ ...schedule, times: ticks })]);
    alive.add(child);
    child.once('message', () => ready.add(child));
    child.once('exit', (code) => {
      alive.delete(child);
      ready.delete(child);
      if (code) throw new Error(`a process ended with ${code}`);
    });
  };
  const until = async (met) => {
    while (!(await met())) await sleep(20);
  };
  const published = () => broker.count('ticks');

  try {
    for (let n = 0; n < processes; n++) start();
    for (let kill = 1; kill <= kills; kill++) {
      const point = Math.floor((ticks * (kill - 0.5 + random() / 2)) / (kills + 0.5));
      // Never the last one: what nobody runs nobody publishes.
      await until(async () => ready.size > 1 && (await published()) >= point);
      const victim = [...ready][Math.floor(random() * ready.size)];
      ready.delete(victim);
      victim.kill('SIGKILL');
      await once(victim, 'exit');
      log(`kill ${kill}: process ${victim.pid} after ${await published()} ticks, ${ready.size} left`);
      start();
    }
    await until(async () => (await published()) >= ticks);
    await sleep(3000);
    return await collected(broker);
  } finally {
    process.off('exit', endAll);
    const ended = [...alive].map((child) => once(child, 'exit'));
    endAll();
    await Promise.all(ended);
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every message of the queue: the moment it stands for, and how late it was published, in milliseconds. */
async function collected(broker) {
  const codec = new JsonCodec();
  const subscription = await broker.subscribe('ticks', { prefetch: 100_000, lease: 60_000 });
  const messages = [];
  for (;;) {
    const deliveries = await subscription.receive(1000, AbortSignal.timeout(500));
    if (deliveries.length === 0) break;
    messages.push(...deliveries.map(({ body }) => codec.decode(body)));
  }
  return messages.map(({ id, publishedAt, headers }) => {
    const due = Date.parse(headers['funq-due']);
    return { id, due, late: publishedAt - due };
  });
}
