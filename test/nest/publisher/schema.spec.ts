import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Consumer, CurrentTask, FUNQ_CODEC, getBrokerToken, type Broker, type Codec, type Task } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, dead } from '../support/app.js';

let checks = 0;
const order = z.object({ id: z.string().trim(), at: z.date(), amount: z.number().default(7) });
const counted = z.tuple([order, z.string().transform((text) => `${text}!`)]).refine(() => ++checks > 0);

@Injectable()
class Orders {
  @Consumer({ queue: 'orders', schema: counted, retry: { times: 1, delay: '2s' } })
  place(value: { id: string; at: Date; amount?: number }, note: string, @CurrentTask() task: Task): unknown {
    if (value.id === 'fail' && task.attempt === 1) throw new Error('once');
    return [value, note, task.args];
  }
}

const at = new Date(5);

describe('a schema', () => {
  it('is checked when publishing, and again when consuming with its transformations applied once', async () => {
    const { funq } = await boot({ providers: [Orders] });
    checks = 0;
    const result = await funq.ask(Orders).place({ id: ' a ', at }, 'note');
    const value = { id: 'a', at, amount: 7 };
    expect(result).toEqual([value, 'note!', [value, 'note!']]);
    expect(checks).toBe(2);
  });

  it('travels untransformed, so that a retry transforms once too', async () => {
    const clock = new ManualClock();
    const { funq, events, app } = await boot({ providers: [Orders] }, { clock });
    const broker = app.get<Broker>(getBrokerToken());
    const codec = app.get<Codec>(FUNQ_CODEC);
    const sent: unknown[] = [];
    const { publish } = broker;
    (broker as { publish: typeof publish }).publish = (queue, messages) => {
      sent.push(...messages.map(({ body }) => codec.decode(body).args));
      return publish(queue, messages);
    };
    const ended = events.next('done');
    await funq.to(Orders).place({ id: 'fail', at }, 'note');
    await clock.advance(3000);
    expect((await ended).value).toMatchObject([{ id: 'fail', amount: 7 }, 'note!', expect.anything()]);
    expect(sent).toEqual([
      [{ id: 'fail', at }, 'note'],
      [{ id: 'fail', at }, 'note'],
    ]);
  });

  it.each<[string, unknown[], string]>([
    ['a wrong type', [{ id: 1, at }, 'note'], 'args[0].id: '],
    ['a missing argument', [{ id: 'a', at }], 'args'],
    ['too many', [{ id: 'a', at }, 'note', 3], 'args'],
  ])('refuses %s before it is sent, by class and by name', async (_name, args, message) => {
    const { funq, events } = await boot({ providers: [Orders] });
    const published: unknown[] = [];
    events.on('published', (event) => void published.push(event));
    const refused = { code: 'FUNQ_SCHEMA', message: expect.stringContaining(message) as string };
    await expect(funq.publish('orders', args)).rejects.toMatchObject(refused);
    await expect(funq.ask('orders', args)).rejects.toMatchObject(refused);
    await expect(funq.publishMany('orders', [args])).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    expect(published).toEqual([]);
  });

  it('refuses for good what comes from elsewhere, with the issues as the cause', async () => {
    const { funq, events, app } = await boot({ providers: [Orders] });
    const codec = app.get<Codec>(FUNQ_CODEC);
    const body = codec.encode({ v: 1, id: 'x', args: ['wrong'], publishedAt: Date.now(), attempt: 1 });
    const ended = events.next('dead');
    await app.get<Broker>(getBrokerToken()).publish('orders', [{ id: 'x', body }]);
    const { letter, task } = await ended;
    expect(letter.errors).toMatchObject([{ code: 'FUNQ_SCHEMA' }]);
    expect(letter.reason).toContain("arguments of Orders.place don't fit its schema: args");
    expect([task?.attempt, letter.envelope?.args]).toEqual([1, ['wrong']]);
    expect(funq).toBeDefined();
  });

  it('may be asynchronous, and of any library that speaks Standard Schema', async () => {
    @Injectable()
    class Own {
      @Consumer({
        schema: {
          '~standard': {
            version: 1,
            vendor: 'own',
            validate: async (value) => {
              await Promise.resolve();
              const [first] = value as unknown[];
              return typeof first === 'number'
                ? { value: [first * 2] }
                : { issues: [{ message: 'no number', path: [{ key: 0 }] }] };
            },
          },
        },
      })
      run(n: number): number {
        return n;
      }
    }
    const { funq } = await boot({ providers: [Own] });
    expect(await funq.ask(Own).run(4)).toBe(8);
    await expect(funq.ask('Own.run', ['x'])).rejects.toMatchObject({
      message: "arguments of Own.run don't fit its schema: args[0]: no number",
    });
  });

  it('that throws, or gives no list, fails the task and nothing else', async () => {
    @Injectable()
    class Odd {
      @Consumer({ queue: 'odd', schema: z.any().transform((value: unknown[]) => ({ first: value[0] })) })
      run(): void {}
    }
    const { events, app } = await boot({ providers: [Odd] });
    const codec = app.get<Codec>(FUNQ_CODEC);
    const broker = app.get<Broker>(getBrokerToken());
    const { letter } = await dead(events, async () => {
      await broker.publish('odd', [
        { id: 'x', body: codec.encode({ v: 1, id: 'x', args: [1], publishedAt: 0, attempt: 1 }) },
      ]);
      return 'x';
    });
    expect(letter.reason).toContain('Odd.run');
    expect(letter.reason).toContain('list');
  });
});
