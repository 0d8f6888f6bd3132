import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fleet } from './fleet.js';

const APP = fileURLToPath(new URL('./app.mjs', import.meta.url));
const LIMIT = 60_000;
const LEASE = 1000;

/** How long a fault lasts: three leases. Tests wait for signals everywhere else. */
const threeLeases = (): Promise<unknown> => sleep(3 * LEASE);

describe('a process whose event loop is blocked', { timeout: LIMIT }, () => {
  let fleet: Fleet;
  const tell = (file: string): void => writeFileSync(join(fleet.folder, file), '');
  const has = (kind: string, id: string, pid?: number): boolean =>
    fleet.ledger().some((entry) => entry.kind === kind && entry.id === id && (pid ?? entry.pid) === entry.pid);
  const seen = (kind: string, id: string, pid?: number): Promise<void> => fleet.until(() => has(kind, id, pid));
  const count = (kind: string, id: string): number => fleet.counts(kind).get(id) ?? 0;

  beforeEach(async () => {
    fleet = await new Fleet(APP).open();
  });
  afterEach(() => fleet.close());

  it('for three leases keeps all that it holds, while another process is hungry', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const blocked = await fleet.start();
    await fleet.publish(ids.map((id) => [id, 'block', 'go']));
    await fleet.until(() => fleet.counts('start').size > 0);
    const hungry = await fleet.start();
    await fleet.publish([['other', 'quick']]);
    await seen('done', 'other', hungry.pid);
    await threeLeases();
    tell('go');
    await fleet.until(() => ids.every((id) => has('done', id)));
    expect(ids.map((id) => count('start', id))).toEqual([1, 1, 1, 1, 1]);
    expect(ids.every((id) => has('done', id, blocked.pid))).toBe(true);
    expect(fleet.counts('leaseLost').size).toBe(0);
    expect(await fleet.broker.count!('jobs')).toBe(0);
  });

  it('for longer than maxBlock counts as dead: another one does the task, and the late acknowledgement is refused', async () => {
    const blocked = await fleet.start({ maxBlock: '1s' });
    await fleet.publish([['a', 'block', 'go']]);
    await seen('start', 'a', blocked.pid);
    const other = await fleet.start();
    await seen('start', 'a', other.pid);
    tell('go');
    await seen('done', 'a', other.pid);
    await seen('leaseLost', 'a', blocked.pid);
    await fleet.publish([['next', 'quick']]);
    await seen('done', 'next');
    expect(count('done', 'a')).toBe(1);
    expect(count('start', 'a')).toBe(2);
    expect(await fleet.broker.count!('jobs')).toBe(0);
  });

  it('by one task after another keeps them all, though together they take longer than maxBlock', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const blocked = await fleet.start({ maxBlock: '3s' });
    await fleet.publish(ids.map((id) => [id, 'block', id]));
    await fleet.until(() => fleet.counts('start').size > 0);
    await fleet.start();
    for (let ended = 0; ended < ids.length; ended++) {
      await fleet.until(() => fleet.counts('start').size === ended + 1);
      await sleep(1.5 * LEASE);
      tell([...fleet.counts('start').keys()][ended]!);
    }
    await fleet.until(() => ids.every((id) => has('done', id, blocked.pid)));
    expect(ids.map((id) => count('start', id))).toEqual([1, 1, 1, 1, 1]);
  });

  it('without the thread loses its tasks after a lease', async () => {
    const blocked = await fleet.start({ maxBlock: false });
    await fleet.publish([['a', 'block', 'go']]);
    await seen('start', 'a', blocked.pid);
    const other = await fleet.start();
    await seen('start', 'a', other.pid);
    tell('go');
    await seen('leaseLost', 'a', blocked.pid);
    await seen('done', 'a', other.pid);
    expect(count('done', 'a')).toBe(1);
  });

  it('that is frozen as a whole loses its tasks after a lease; none of its late acknowledgements counts', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const frozen = await fleet.start();
    await fleet.publish(ids.map((id) => [id, 'wait', 'go']));
    await fleet.until(() => ids.every((id) => has('start', id)));
    frozen.kill('SIGSTOP');
    const other = await fleet.start();
    await fleet.until(() => ids.every((id) => has('start', id, other.pid)));
    tell('go');
    frozen.kill('SIGCONT');
    await fleet.until(() => ids.every((id) => has('done', id, other.pid) && has('leaseLost', id, frozen.pid)));
    await fleet.publish([['next', 'quick']]);
    await seen('done', 'next');
    expect(ids.map((id) => count('done', id))).toEqual([1, 1, 1, 1, 1]);
    expect(await fleet.broker.count!('jobs')).toBe(0);
  });

  it('keeps the tasks of every application in it, also of those that outlive another one', async () => {
    const both = await fleet.start({ queues: ['jobs', 'others'] });
    await fleet.publish([['a', 'wait', 'last']], 'others');
    await seen('start', 'a', both.pid);
    const outlast = async (id: string, queue: string): Promise<void> => {
      await fleet.publish([[id, 'block', id]], queue);
      await seen('start', id, both.pid);
      const hungry = await fleet.start({ queues: ['jobs', 'others'] });
      await threeLeases();
      await fleet.kill(hungry);
      tell(id);
      await seen('done', id, both.pid);
      expect(count('start', id)).toBe(1);
    };
    await outlast('b', 'jobs');
    both.send(0);
    await seen('closed', '0');
    await outlast('c', 'others');
    tell('last');
    await seen('done', 'a', both.pid);
    expect(count('start', 'a')).toBe(1);
  });

  it('keeps what it holds without the thread, and says so, when the loop turns and the thread can do nothing', async () => {
    const lame = await fleet.start({ pulse: new URL('absent.mjs', import.meta.url).href });
    await fleet.publish([['a', 'wait', 'go']]);
    await seen('start', 'a', lame.pid);
    await seen('heartbeatFailed', 'jobs', lame.pid);
    const hungry = await fleet.start();
    await threeLeases();
    tell('go');
    await seen('done', 'a', lame.pid);
    expect(count('start', 'a')).toBe(1);
    expect(count('heartbeatFailed', 'jobs')).toBe(1);
    expect(hungry.exitCode).toBeNull();
  });

  it('leaves nothing open and ends by itself when its applications are closed', async () => {
    const child = await fleet.start({ queues: ['jobs', 'others'] });
    await fleet.publish([['a', 'quick']]);
    await seen('done', 'a', child.pid);
    child.send(-1);
    expect(await fleet.ended(child)).toBe(0);
    if (process.platform === 'linux') expect(count('open', 'nothing')).toBe(0);
    expect(count('left', 'nothing')).toBe(1);
  });
});
