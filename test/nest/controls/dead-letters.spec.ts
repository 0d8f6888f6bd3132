import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  CurrentTask,
  DeadLetterError,
  FUNQ_CODEC,
  FunqError,
  getBrokerToken,
  type Broker,
  type Codec,
  type DeadLetter,
  type Task,
} from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, dead, refusal, type Booted } from '../support/app.js';

@Injectable()
class Jobs {
  @Consumer({ queue: 'plain', retry: 2 })
  plain(_x: unknown, @CurrentTask() { attempt }: Task): never {
    throw new Error(`failure ${attempt}`);
  }
  @Consumer({ queue: 'named', deadLetter: 'graveyard' })
  named(): never {
    throw new FunqError('FUNQ_CLOSED', 'with a code', { cause: new TypeError('the cause') });
  }
  @Consumer({ queue: 'dropped', deadLetter: false })
  dropped(): never {
    throw new Error('no');
  }
  @Consumer({ queue: 'hopeless', retry: 9 })
  hopeless(): never {
    throw new DeadLetterError('hopeless');
  }
}

/** All that lies in a queue. */
async function lettersIn({ app }: Booted, queue: string): Promise<DeadLetter[]> {
  const broker = app.get<Broker>(getBrokerToken());
  const codec = app.get<Codec>(FUNQ_CODEC);
  const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 1000 });
  const count = await broker.count!(queue);
  const deliveries = count > 0 ? await subscription.receive(10, new AbortController().signal) : [];
  await subscription.close();
  return deliveries.map(({ body }) => codec.decodeDeadLetter(body));
}

describe('a task that failed for the last time', () => {
  it('lies in <queue>.dead with its envelope and every error', async () => {
    const clock = new ManualClock(5000);
    const booted = await boot({ providers: [Jobs] }, { clock });
    const options = { id: 'd', headers: { h: '1' }, priority: 3, retry: 1 };
    const event = await dead(booted.events, () => booted.funq.publish('plain', [{ big: 5n }], options));
    const letters = await lettersIn(booted, 'plain.dead');
    expect(letters).toMatchObject([
      {
        queue: 'plain',
        reason: 'failure 2',
        code: 'failed',
        diedAt: 5000,
        errors: [
          { name: 'Error', message: 'failure 1', attempt: 1, at: 5000 },
          { name: 'Error', message: 'failure 2', attempt: 2, at: 5000 },
        ],
        envelope: {
          id: 'd',
          args: [{ big: 5n }],
          publishedAt: 5000,
          attempt: 2,
          headers: { h: '1' },
          priority: 3,
          options: { retry: 1 },
        },
      },
    ]);
    expect(letters[0]!.errors[0]!.stack).toContain('dead-letters.spec');
    expect(event).toMatchObject({ queue: 'plain', deadLetter: 'plain.dead', letter: { reason: 'failure 2' } });
  });

  it('lies where the consumer says, with code and cause of its error', async () => {
    const booted = await boot({ providers: [Jobs] });
    await dead(booted.events, () => booted.funq.publish('named'));
    expect(await lettersIn(booted, 'graveyard')).toMatchObject([
      { errors: [{ code: 'FUNQ_CLOSED', cause: { name: 'TypeError', message: 'the cause' } }] },
    ]);
    expect(await lettersIn(booted, 'named.dead')).toEqual([]);
  });

  it('is dropped where there are to be no dead letters, and that is told', async () => {
    const booted = await boot({ providers: [Jobs] });
    const event = await dead(booted.events, () => booted.funq.publish('dropped'));
    expect(event.deadLetter).toBeUndefined();
    expect(event.letter).toMatchObject({ reason: 'no', envelope: { args: [] } });
    expect(await lettersIn(booted, 'dropped.dead')).toEqual([]);
    expect(booted.log.find('is dead (failed): no; dropped')).toHaveLength(1);
  });

  it('goes there without a retry by a DeadLetterError', async () => {
    const booted = await boot({ providers: [Jobs] });
    const { task, letter } = await dead(booted.events, () => booted.funq.publish('hopeless'));
    expect([task?.attempt, letter.reason, letter.errors[0]?.code]).toEqual([1, 'hopeless', 'FUNQ_DEAD_LETTER']);
  });

  it('stays in its queue while the letter can not be written', async () => {
    const clock = new ManualClock();
    const booted = await boot({ providers: [Jobs] }, { clock });
    const broker = booted.app.get<Broker>(getBrokerToken()) as { publish: Broker['publish'] };
    const real = broker.publish;
    let refusals = 2;
    broker.publish = (queue, messages) =>
      queue === 'graveyard' && refusals-- > 0 ? Promise.reject(new Error('full')) : real(queue, messages);
    const told = booted.events.next('settleFailed');
    const ended = booted.events.next('dead');
    await booted.funq.publish('named');
    expect((await told).error).toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    await clock.advance(10_000);
    await ended;
    expect(await lettersIn(booted, 'graveyard')).toHaveLength(1);
  });

  it('has its raw bytes kept when it can not be read', async () => {
    const booted = await boot({ providers: [Jobs] });
    const broker = booted.app.get<Broker>(getBrokerToken());
    const ended = booted.events.next('dead');
    await broker.publish('plain', [{ id: 'x', body: Buffer.from('not an envelope') }]);
    expect(await ended).toMatchObject({ queue: 'plain', letter: { code: 'undecodable' } });
    const [letter] = await lettersIn(booted, 'plain.dead');
    expect(Buffer.from(letter!.raw!, 'base64').toString()).toBe('not an envelope');
    expect(letter!.envelope).toBeUndefined();
  });
});

describe('dead letters that would come back for ever', () => {
  it('are refused: a queue can not be its own dead letter queue', async () => {
    @Injectable()
    class Loop {
      @Consumer({ queue: 'loop', deadLetter: 'loop' })
      run(): void {}
    }
    expect((await refusal({ providers: [Loop] })).message).toContain('deadLetter');
    const { funq } = await boot({ providers: [Jobs] });
    await expect(funq.publish('plain', [], { deadLetter: 'plain' })).rejects.toMatchObject({ name: 'FunqConfigError' });
  });
});
