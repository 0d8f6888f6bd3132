import { Injectable } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
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

@Injectable()
class Daily {
  @Consumer({ queue: 'daily', schedule: { every: '1s' } })
  work(): void {}
}

/** `parcels` can't be subscribed to. */
function refusing(subscribe: () => Promise<never>) {
  const real = memory();
  const asked: string[] = [];
  const closed: string[] = [];
  const broker: Broker = {
    ...real,
    subscribe: async (queue, options) => {
      const subscription = await (queue === 'parcels' ? subscribe() : real.subscribe(queue, options));
      const receive: typeof subscription.receive = (...how) => {
        asked.push(queue);
        return subscription.receive(...how);
      };
      const close = async (): Promise<void> => {
        closed.push(queue);
        await subscription.close();
      };
      return { ...subscription, receive, close };
    },
  };
  return { broker, asked, closed };
}

describe("a queue that can't be consumed when the app starts", () => {
  it('keeps it from starting when only a change helps, before any task begins or anything is published', async () => {
    const { broker, asked, closed } = refusing(() =>
      Promise.reject(Object.assign(new Error('it has other priorities; set `priorities: 5`'), { unfit: true })),
    );
    const [clock, published] = [new ManualClock(), vi.spyOn(broker, 'publish')];
    const error = await refusal({ providers: [Post, Daily] }, { brokers: { default: broker }, clock });
    expect(error.code).toBe('FUNQ_BROKER_UNAVAILABLE');
    expect(error.message).toBe(
      "Post.parcel can't consume the queue parcels: it has other priorities; set `priorities: 5`",
    );
    expect(asked).toEqual([]);
    // Nobody closes an app that did not start.
    expect(closed).toEqual(['letters', 'daily']);
    await clock.advance(60_000);
    expect(published).not.toHaveBeenCalled();
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
    expect(log.find('full (1)')).toHaveLength(1);
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
