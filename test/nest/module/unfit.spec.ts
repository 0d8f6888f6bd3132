import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type Broker } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, refusal } from '../support/app.js';

@Injectable()
class Post {
  readonly sent: string[] = [];

  @Consumer({ queue: 'letters' })
  letter(to: string): void {
    this.sent.push(to);
  }

  @Consumer({ queue: 'parcels' })
  parcel(to: string): void {
    this.sent.push(to);
  }
}

/** `parcels` can't be subscribed to. */
function refusing(subscribe: () => Promise<never>) {
  const real = memory();
  const asked: string[] = [];
  const broker: Broker = {
    ...real,
    subscribe: async (queue, options) => {
      const subscription = await (queue === 'parcels' ? subscribe() : real.subscribe(queue, options));
      const receive: typeof subscription.receive = (...how) => {
        asked.push(queue);
        return subscription.receive(...how);
      };
      return { ...subscription, receive };
    },
  };
  return { broker, asked };
}

describe("a queue that can't be consumed when the app starts", () => {
  it('keeps it from starting when only a change helps, before any task of the others begins', async () => {
    const { broker, asked } = refusing(() =>
      Promise.reject(Object.assign(new Error('it has other priorities; set `priorities: 5`'), { unfit: true })),
    );
    const error = await refusal({ providers: [Post] }, { brokers: { default: broker } });
    expect(error.code).toBe('FUNQ_BROKER_UNAVAILABLE');
    expect(error.message).toBe(
      "Post.parcel can't consume the queue parcels: it has other priorities; set `priorities: 5`",
    );
    expect(asked).toEqual([]);
  });

  it('is tried again when that may help, while the app and its other queues work', async () => {
    let tries = 0;
    const { broker, asked } = refusing(() => Promise.reject(new Error(`full (${++tries})`)));
    const clock = new ManualClock();
    const { app, funq, events, log } = await boot({ providers: [Post] }, { brokers: { default: broker }, clock });
    const done = events.next('done');
    await funq.to(Post).letter('Ada');
    await done;
    expect(app.get(Post).sent).toEqual(['Ada']);
    expect(asked).toContain('letters');
    expect(log.find('full (')).toHaveLength(1);
  });

  it('holds the start up for five seconds and no longer when it does not answer', async () => {
    const clock = new ManualClock();
    const { broker } = refusing(() => new Promise(() => undefined));
    const booting = boot({ providers: [Post] }, { brokers: { default: broker }, clock });
    let started = false;
    void booting.then(() => (started = true));
    await clock.advance(4999);
    expect(started).toBe(false);
    await clock.advance(1);
    await booting;
  });
});
