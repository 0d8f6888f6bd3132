import { describe, expect, it } from 'vitest';
import { JsonCodec, type DeadLetter, type FunqDeadLetters } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { z } from 'zod';
import { putRaw } from '../bad-input/queues.js';
import { faulty, type Faults } from '../core/faulty-broker.js';
import { signal, turns } from '../nest/support/app.js';
import { BROKERS, graveyard } from './support.js';

const codec = new JsonCodec();
const one = { concurrency: 1 };

async function args(letters: FunqDeadLetters, queue: string): Promise<unknown[]> {
  return (await letters.list(queue)).map(({ envelope }) => envelope?.args[0]);
}

describe.each(BROKERS)('dead letters on %s', (_kind, create) => {
  it('are listed, oldest first, with why they died, and stay where they are', async () => {
    const { letters, kill } = await graveyard(create(), { ...one, retry: 1 });
    await kill([['a'], ['b'], ['c']]);
    const [first, ...rest] = await letters.list('work');
    expect(first).toMatchObject({
      queue: 'work',
      code: 'failed',
      reason: 'not yet',
      errors: [{ attempt: 1 }, { attempt: 2 }],
      envelope: { args: ['a'] },
    });
    expect(first!.id).toMatch(/^[\w-]{22}$/);
    expect(rest).toHaveLength(2);
    expect(await args(letters, 'work')).toEqual(['a', 'b', 'c']);
    expect(await args(letters, 'work.dead')).toEqual(['a', 'b', 'c']);
    expect(await letters.count('work')).toBe(3);
  });

  it('are listed in pages and by what they are', async () => {
    const { letters, kill } = await graveyard(create(), one);
    await kill(Array.from({ length: 250 }, (_, n) => [n]));
    const page = async (skip: number, limit: number): Promise<unknown[]> =>
      (await letters.list('work', { skip, limit })).map(({ envelope }) => envelope!.args[0]);
    expect(await page(0, 3)).toEqual([0, 1, 2]);
    expect(await page(248, 10)).toEqual([248, 249]);
    expect(await page(300, 10)).toEqual([]);
    expect(await letters.list('work', { code: ['failed', 'poison'], limit: 500 })).toHaveLength(250);
    expect(await letters.list('work', { code: 'poison' })).toEqual([]);
    const [last] = await letters.list('work', { where: ({ envelope }) => envelope!.args[0] === 249 });
    expect(await letters.list('work', { ids: [last!.id] })).toEqual([last]);
    expect(await letters.list('work', { ids: [last!.envelope!.id] })).toEqual([last]);
    expect(await letters.count('work', { where: ({ envelope }) => Number(envelope!.args[0]) % 2 === 0 })).toBe(125);
    expect(await page(0, 2)).toEqual([0, 1]);
  });

  it('are replayed as tasks that begin anew, with the errors they had', async () => {
    const { letters, funq, ran, heal, kill, done } = await graveyard(create(), { ...one, expire: '1h', retry: 1 });
    await kill([['a']]);
    await funq.publish('work', ['b'], { id: 'own', headers: { tenant: 't' }, priority: 3, timeout: '5s' });
    while ((await letters.count('work')) < 2) await turns(1);
    const [before] = await letters.list('work', { ids: ['own'] });
    heal();
    const both = done(2);
    expect(await letters.replay('work')).toBe(2);
    await both;
    expect(await letters.count('work')).toBe(0);
    const again = ran.slice(-2).find(({ id }) => id === 'own');
    const { origin } = before!.envelope!;
    expect(again).toMatchObject({ id: 'own', attempt: 1, headers: { tenant: 't' }, requeues: 0, redelivered: 0 });
    expect(again!.envelope).toMatchObject({ priority: 3, options: { timeout: '5s' } });
    expect(again!.envelope.origin).not.toBe(origin);
    expect(again!.publishedAt).toBeGreaterThanOrEqual(before!.diedAt!);
    expect(again!.errors.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('are replayed in part: a few, by id, by code; the others keep their order', async () => {
    const { letters, ran, heal, kill, done } = await graveyard(create(), one);
    await kill([['a'], ['b'], ['c'], ['d'], ['e']]);
    heal();
    const some = done(3);
    const [, , c] = await letters.list('work');
    expect(await letters.replay('work', { limit: 1 })).toBe(1);
    expect(await letters.replay('work', { ids: [c!.envelope!.id, 'nobody'] })).toBe(1);
    expect(await letters.replay('work', { code: 'poison' })).toBe(0);
    expect(await letters.replay('work', { where: ({ envelope }) => envelope!.args[0] === 'e' })).toBe(1);
    await some;
    expect(ran.slice(5).map((task) => task.args[0])).toEqual(['a', 'c', 'e']);
    expect(await args(letters, 'work')).toEqual(['b', 'd']);
  });

  it('that die again during a replay are not replayed for ever', async () => {
    const { letters, kill, ran } = await graveyard(create(), one);
    await kill(Array.from({ length: 150 }, (_, n) => [n]));
    expect(await letters.replay('work')).toBe(150);
    while ((await letters.count('work')) < 150) await turns(1);
    expect(ran).toHaveLength(300);
    const [letter] = await letters.list('work');
    expect(letter!.errors).toHaveLength(2);
  });

  it('are replayed one at a time and changed on the way', async () => {
    const { letters, ran, heal, kill, done } = await graveyard(create(), one);
    await kill([['a', 1], ['b']]);
    heal();
    const [a] = await letters.list('work');
    const ended = done(1);
    const edit = { args: ['A'], options: { timeout: '9s' }, headers: { edited: 'yes' } } as const;
    await letters.replayOne('work', a!.envelope!.id, edit);
    await ended;
    expect(ran.at(-1)).toMatchObject({ id: a!.envelope!.id, args: ['A'], headers: { edited: 'yes' } });
    expect(ran.at(-1)!.policy.timeout).toBe(9000);
    expect(await args(letters, 'work')).toEqual(['b']);
    const lost = letters.replayOne('work', a!.id);
    await expect(lost).rejects.toMatchObject({ code: 'FUNQ_LETTER_UNKNOWN', message: expect.stringContaining(a!.id) });
  });

  it('are sent elsewhere when they shall be', async () => {
    const { letters, ran, heal, kill, done } = await graveyard(create(), one);
    await kill([['a'], ['b']]);
    heal();
    const ended = done(2);
    expect(await letters.replay('work', { to: 'other', limit: 1 })).toBe(1);
    const [b] = await letters.list('work');
    await letters.replayOne('work', b!.id, { to: 'other' });
    await ended;
    expect(ran.slice(2).map(({ queue }) => queue)).toEqual(['other', 'other']);
  });

  it('are removed by id, in part, and all', async () => {
    const { letters, kill } = await graveyard(create(), one);
    await kill([['a'], ['b'], ['c'], ['d'], ['e']]);
    const [, b] = await letters.list('work');
    expect(await letters.remove('work', [b!.id])).toBe(1);
    expect(await letters.remove('work', [b!.id])).toBe(0);
    expect(await letters.remove('work', { code: 'failed', limit: 1 })).toBe(1);
    expect(await args(letters, 'work')).toEqual(['c', 'd', 'e']);
    expect(await letters.purge('work')).toBe(3);
    expect(await letters.list('work')).toEqual([]);
    expect(await letters.purge('work')).toBe(0);
  });

  it('of several consumers in one queue are told apart', async () => {
    const shared = { ...one, deadLetter: 'graveyard' };
    const { letters, heal, kill, done, ran } = await graveyard(create(), shared, {}, shared);
    await kill([['a'], ['b']]);
    await kill([['x'], ['y']], 'other');
    expect(await args(letters, 'work')).toEqual(['a', 'b']);
    expect(await args(letters, 'other')).toEqual(['x', 'y']);
    expect(await args(letters, 'graveyard')).toEqual(['a', 'b', 'x', 'y']);
    expect([await letters.count('work'), await letters.count('graveyard')]).toEqual([2, 4]);
    expect(await letters.purge('work')).toBe(2);
    heal();
    const ended = done(2);
    expect(await letters.replay('graveyard')).toBe(2);
    await ended;
    expect(ran.slice(4).map(({ queue, args }) => [queue, args[0]])).toEqual([
      ['other', 'x'],
      ['other', 'y'],
    ]);
  });

  it('that could not be read are listed, replayed as they were, removed, and not edited', async () => {
    const { letters, broker, events } = await graveyard(create(), one);
    const dead = events.next('dead');
    await putRaw(broker, 'work', ['no JSON']);
    await dead;
    const [letter] = await letters.list('work');
    expect(letter).toMatchObject({
      code: 'undecodable',
      queue: 'work',
      raw: Buffer.from('no JSON').toString('base64'),
    });
    await expect(letters.replayOne('work', letter!.id, { args: [] })).rejects.toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
      message: expect.stringContaining("can't be edited"),
    });
    expect(await letters.count('work')).toBe(1);
    const again = events.next('dead');
    await letters.replayOne('work', letter!.id);
    await again;
    const [second] = await letters.list('work');
    expect(second!.raw).toBe(letter!.raw);
    expect(await letters.remove('work', [second!.id])).toBe(1);
  });

  it('that can be read by now are tasks again', async () => {
    const { letters, broker, heal, done, ran } = await graveyard(create(), { ...one, expire: '1s' });
    heal();
    const task = {
      v: 1,
      id: 'late',
      args: ['x'],
      publishedAt: 5,
      attempt: 7,
      reply: { queue: 'r', call: 'c', until: 9 },
    };
    const died = { v: 1, queue: 'work', reason: 'r', code: 'refused', diedAt: 6, errors: [] };
    const letter: DeadLetter = { ...died, raw: Buffer.from(codec.encode(task)).toString('base64') };
    await putRaw(broker, 'work.dead', [codec.encodeDeadLetter(letter)]);
    const ended = done(1);
    expect(await letters.replay('work')).toBe(1);
    await ended;
    expect(ran[0]).toMatchObject({ id: 'late', attempt: 1 });
    expect(ran[0]!.envelope.reply).toBeUndefined();
  });

  it('that are none are shown for what they are, and go nowhere by themselves', async () => {
    const { letters, broker, heal, done } = await graveyard(create(), one);
    const task = codec.encode({ v: 1, id: 'stray', args: [], publishedAt: 1, attempt: 1 });
    await putRaw(broker, 'work.dead', ['rubbish', task, '{"v":2}']);
    const list = await letters.list('work');
    expect(list.map(({ code, queue }) => [code, queue])).toEqual([
      ['unreadable', undefined],
      ['unreadable', undefined],
      ['unreadable', undefined],
    ]);
    expect(list[2]!.reason).toContain('update it');
    expect(await letters.replay('work')).toBe(0);
    await expect(letters.replayOne('work', list[1]!.id)).rejects.toMatchObject({ code: 'FUNQ_LETTER_UNKNOWN' });
    heal();
    const ended = done(1);
    await letters.replayOne('work', list[1]!.id, { to: 'work' });
    await ended;
    expect(await letters.remove('work', { code: 'unreadable' })).toBe(2);
  });

  it('are shared by those who look at the same time, and nobody gets one twice', async () => {
    const { letters, ran, heal, kill, done } = await graveyard(create());
    await kill(Array.from({ length: 300 }, (_, n) => [n]));
    heal();
    const all = done(300);
    const looks = [letters.replay('work'), letters.list('work'), letters.replay('work', { limit: 120 })];
    looks.push(letters.count('work', { where: () => true }) as never);
    const [first, , second] = await Promise.all(looks);
    const rest = await letters.replay('work');
    expect((first as number) + (second as number) + rest).toBe(300);
    await all;
    expect(new Set(ran.slice(300).map((task) => task.args[0])).size).toBe(300);
    expect(ran).toHaveLength(600);
  });
});

describe('a replay', () => {
  it('keeps to its rate', async () => {
    const clock = new ManualClock();
    const { letters, ran, heal, kill } = await graveyard(memory(), one, { clock });
    await kill(Array.from({ length: 5 }, (_, n) => [n]));
    heal();
    const at: number[] = [];
    const begun = clock.monotonic();
    const replay = letters.replay('work', { rate: { starts: 2, per: '10s' } });
    for (let second = 0; second <= 20; second++) {
      await clock.advance(second === 0 ? 0 : 1000);
      while (at.length < ran.length - 5) at.push(clock.monotonic() - begun);
    }
    expect(await replay).toBe(5);
    expect(at).toEqual([0, 5000, 10_000, 15_000, 20_000]);
  });

  it('ends early when told to, and leaves the rest', async () => {
    const clock = new ManualClock();
    const { letters, heal, kill } = await graveyard(memory(), one, { clock });
    await kill(Array.from({ length: 5 }, (_, n) => [n]));
    heal();
    const stop = new AbortController();
    const replay = letters.replay('work', { rate: 1, signal: stop.signal });
    await clock.advance(2000);
    stop.abort();
    expect(await replay).toBe(3);
    expect(await args(letters, 'work')).toEqual([3, 4]);
  });

  it('ends at shutdown with an error, and gives back what it holds', async () => {
    const clock = new ManualClock();
    const { letters, heal, kill, close, broker } = await graveyard(memory(), one, { clock });
    await kill([['a'], ['b'], ['c']]);
    heal();
    const replay = letters.replay('work', { rate: 1 });
    const refused = expect(replay).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await clock.advance(0);
    await close();
    await refused;
    await broker.connect({ clock });
    expect(await broker.count!('work.dead')).toBe(2);
    await expect(letters.list('work')).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
  });

  it('that can not publish says how far it came, and keeps the letter', async () => {
    const { letters, heal, kill, broker } = await graveyard(memory(), one);
    await kill([['a'], ['b'], ['c']]);
    heal();
    const real = broker.publish;
    (broker as { publish: typeof real }).publish = (queue, messages) =>
      queue === 'work' ? Promise.reject(new Error('full')) : real(queue, messages);
    await expect(letters.replay('work')).rejects.toMatchObject({
      code: 'FUNQ_PUBLISH_FAILED',
      message: expect.stringContaining('ended after 0'),
    });
    expect(await args(letters, 'work')).toEqual(['a', 'b', 'c']);
  });

  it('tells of each task as an event', async () => {
    const { letters, heal, kill, events } = await graveyard(memory(), one);
    await kill([['a']]);
    heal();
    const told = events.next('replayed');
    await letters.replay('work');
    expect(await told).toMatchObject({ queue: 'work', deadLetter: 'work.dead', id: expect.any(String) });
  });

  it('checks new arguments by the schema of their consumer', async () => {
    const { letters, kill } = await graveyard(memory(), { ...one, schema: z.tuple([z.string()]) });
    await kill([['a']]);
    const [letter] = await letters.list('work');
    await expect(letters.replayOne('work', letter!.id, { args: [5] })).rejects.toMatchObject({ code: 'FUNQ_SCHEMA' });
    expect(await letters.count('work')).toBe(1);
  });

  it('checks them by the schema of the queue that they go to, also when a queue of dead letters is named', async () => {
    const { letters, kill } = await graveyard(memory(), { ...one, schema: z.tuple([z.string()]) });
    await kill([['a']]);
    const [letter] = await letters.list('work');
    const wrong = { args: [5] };
    await expect(letters.replayOne('work.dead', letter!.id, wrong)).rejects.toMatchObject({ code: 'FUNQ_SCHEMA' });
    expect(await letters.list('work')).toEqual([letter]);
    await letters.replayOne('work.dead', letter!.id, { ...wrong, to: 'other' });
    expect(await letters.list('work')).toEqual([]);
  });

  it.each<[string, (letters: FunqDeadLetters) => Promise<unknown>, string]>([
    ['queue', (letters) => letters.list('no queue!'), 'FUNQ_QUEUE_NAME'],
    ['no queue', (letters) => letters.list(undefined as never), 'FUNQ_QUEUE_NAME'],
    ['option', (letters) => letters.list('work', { limt: 5 } as never), 'FUNQ_OPTION_INVALID'],
    ['limit', (letters) => letters.list('work', { limit: 501 }), 'FUNQ_OPTION_INVALID'],
    ['skip', (letters) => letters.list('work', { skip: -1 }), 'FUNQ_OPTION_INVALID'],
    ['ids', (letters) => letters.replay('work', { ids: 'x' as never }), 'FUNQ_OPTION_INVALID'],
    ['id', (letters) => letters.replayOne('work', 5 as never), 'FUNQ_OPTION_INVALID'],
    ['where', (letters) => letters.replay('work', { where: true as never }), 'FUNQ_OPTION_INVALID'],
    ['rate', (letters) => letters.replay('work', { rate: 0 }), 'FUNQ_OPTION_INVALID'],
    [
      'rate scope',
      (letters) => letters.replay('work', { rate: { starts: 1, scope: 'shared' } as never }),
      'FUNQ_OPTION_INVALID',
    ],
    ['to', (letters) => letters.replay('work', { to: '*' }), 'FUNQ_QUEUE_NAME'],
    ['signal', (letters) => letters.replay('work', { signal: {} as never }), 'FUNQ_OPTION_INVALID'],
    ['broker', (letters) => letters.replay('work', { broker: 'acme' }), 'FUNQ_BROKER_UNKNOWN'],
    ['args', (letters) => letters.replayOne('work', 'x', { args: 'a' as never }), 'FUNQ_OPTION_INVALID'],
    [
      'overrides',
      (letters) => letters.replayOne('work', 'x', { options: { delay: 5 } as never }),
      'FUNQ_OPTION_INVALID',
    ],
    ['headers', (letters) => letters.replayOne('work', 'x', { headers: { a: 1 } as never }), 'FUNQ_OPTION_INVALID'],
    ['nothing to remove by', (letters) => letters.remove('work', {}), 'FUNQ_OPTION_INVALID'],
    ['null', (letters) => letters.remove('work', null as never), 'FUNQ_OPTION_INVALID'],
  ])('refuses a wrong %s before anything is touched', async (_name, act, code) => {
    const { letters } = await graveyard(memory(), one);
    await expect(act(letters)).rejects.toMatchObject({ code });
  });

  it('says when a consumer keeps no dead letters', async () => {
    const { letters } = await graveyard(memory(), { deadLetter: false });
    await expect(letters.list('work')).rejects.toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
      message: expect.stringContaining('deadLetter: false'),
    });
  });
});

describe('a shutdown while letters are looked at', () => {
  it('does not wait for a broker that takes nothing back: what is held comes back with the subscription', async () => {
    const faults: Faults = {};
    const clock = new ManualClock();
    const broker = faulty(memory(), faults);
    const { letters, kill, close } = await graveyard(broker, one, { clock });
    await kill([['a'], ['b'], ['c']]);
    const last = signal();
    let received = 0;
    faults.receive = (real, max, stop) => {
      if (received > 0) last.resolve();
      return received++ === 0
        ? real(2, stop)
        : new Promise((resolve) => stop.addEventListener('abort', () => resolve([])));
    };
    faults.release = () => new Promise(() => undefined);
    const list = expect(letters.list('work')).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await last.promise;
    const begun = clock.monotonic();
    await close();
    await list;
    expect(clock.monotonic() - begun).toBeLessThan(10_000);
    await broker.connect({ clock });
    expect(await broker.count!('work.dead')).toBe(3);
  });
});

describe('letters that are removed', () => {
  it('are counted when they are gone, not when the broker refused or failed', async () => {
    const faults: Faults = {};
    const clock = new ManualClock();
    const { letters, kill } = await graveyard(faulty(memory(), faults), one, { clock });
    await kill([['a'], ['b']]);
    // Their lease was over: somebody else has them.
    faults.ack = (_real, list) => Promise.resolve(list);
    expect(await letters.remove('work', { code: 'failed' })).toBe(0);
    faults.ack = () => Promise.reject(new Error('away'));
    const refused = expect(letters.remove('work', { code: 'failed' })).rejects.toMatchObject({
      code: 'FUNQ_BROKER_UNAVAILABLE',
      message: expect.stringContaining('ended after 0: away'),
    });
    await clock.advance(10_000);
    await refused;
    faults.ack = undefined;
    expect(await letters.count('work')).toBe(2);
    expect(await letters.remove('work', { code: 'failed' })).toBe(2);
  });
});
