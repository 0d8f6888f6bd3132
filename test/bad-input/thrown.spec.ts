import { Injectable } from '@nestjs/common';
import { throwError } from 'rxjs';
import { Consumer, JsonCodec, getBrokerToken, type Broker } from 'nestjs-funq';
import { beforeEach, describe, expect, it } from 'vitest';
import { boot, type Booted } from '../nest/support/app.js';
import { NASTY } from './nasty.js';
import { bodies } from './queues.js';

const WAYS = ['at once', 'later', 'as an observable'] as const;
type Way = (typeof WAYS)[number];

@Injectable()
class Thrower {
  runs = 0;

  @Consumer({ queue: 'bare', concurrency: 2 })
  bare(index: number, way: Way): unknown {
    this.runs++;
    const [, make] = NASTY[index]!;
    if (way === 'as an observable') return throwError(make);
    if (way === 'later') return Promise.resolve().then(() => Promise.reject(make()));
    throw make();
  }

  @Consumer({ queue: 'retried', retry: 2, timeout: '5s', concurrency: 2 })
  retried(index: number, way: Way): unknown {
    return this.bare(index, way);
  }
}

const table = WAYS.flatMap((way) => NASTY.map(([name, , text], index) => ({ way, name, index, text })));
// With these the engine itself fails; the line goes when that is mended.

describe.each([
  { queue: 'bare', runs: 1 },
  { queue: 'retried', runs: 3 },
])('a handler that throws, on queue $queue', ({ queue, runs }) => {
  let app: Booted;
  beforeEach(async () => {
    app = await boot({ providers: [Thrower] });
  });

  it.each(table)('$name, $way: it fails, is tried again, dies with its history', { timeout: 5000 }, async (row) => {
    const { funq, events } = app;
    const again: unknown[] = [];
    events.on('failed', (event) => void again.push(event.again));
    events.on('settleFailed', ({ error }) => void again.push(error));
    const dead = events.next('dead');
    await funq.publish(queue, [row.index, row.way], { id: 'nasty' });
    const { letter } = await dead;
    expect(again).toEqual(Array.from({ length: runs }, (_, n) => n < runs - 1));
    expect(app.app.get(Thrower).runs).toBe(runs);
    expect(letter).toMatchObject({ queue, code: 'failed', envelope: { id: 'nasty', attempt: runs } });
    expect(letter.errors.map(({ attempt }) => attempt)).toEqual(Array.from({ length: runs }, (_, n) => n + 1));
    for (const { message } of letter.errors) expect(message).toContain(row.text);

    const broker = app.app.get<Broker>(getBrokerToken());
    const stored = (await bodies(broker, `${queue}.dead`)).map((body) => new JsonCodec().decodeDeadLetter(body));
    expect(stored).toEqual([letter]);
    expect(await broker.count!(queue)).toBe(0);
  });

  it('takes up its next tasks: no slot is lost', { timeout: 10_000 }, async () => {
    const { funq, events } = app;
    let dead = 0;
    const all = events.next('dead', () => ++dead === table.length);
    await funq.publishMany(queue, table.map(({ index, way }) => [index, way])); // prettier-ignore
    await all;
    expect(app.app.get(Thrower).runs).toBe(runs * table.length);
  });

  it.each(table.filter(({ way }) => way === 'later'))(
    '$name: its caller is told',
    { timeout: 5000 },
    async ({ index }) => {
      const answer = app.funq.ask(queue, [index, 'later']);
      await expect(answer).rejects.toMatchObject({ name: 'FunqRemoteError', code: 'FUNQ_REMOTE' });
    },
  );
});
