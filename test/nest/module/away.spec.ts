import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type Broker, type CoordinationStore } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, refusal } from '../support/app.js';

@Injectable()
class Sums {
  @Consumer({ queue: 'sums' })
  add(a: number, b: number): number {
    return a + b;
  }
}

const away = (): Error => Object.assign(new Error('connect ECONNREFUSED'), { away: true });

/** A server that is away until it is `up`; every verb opens what is not open, as the contract asks. */
function server(required: boolean | undefined, refusing: () => Error = away) {
  const real = memory();
  const state = { up: false };
  const open = async <T>(then: () => Promise<T>): Promise<T> => {
    if (!state.up) throw refusing();
    return then();
  };
  const broker: Broker = {
    ...real,
    ...(required !== undefined && { required }),
    connect: async (context) => {
      await real.connect(context);
      await open(async () => undefined);
    },
    publish: (queue, messages) => open(() => real.publish(queue, messages)),
    subscribe: (queue, options) => open(() => real.subscribe(queue, options)),
  };
  return { broker, state };
}

describe('a broker that is away when the app starts', () => {
  it('is told of, refuses to publish, and is consumed as soon as it is there', async () => {
    const { broker, state } = server(false);
    const { funq, events, log } = await boot({ providers: [Sums] }, { brokers: { default: broker } });
    expect(log.find("broker 'default' (memory) is away")).toHaveLength(1);
    await expect(funq.to(Sums).add(1, 2)).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    const done = events.next('done');
    state.up = true;
    await funq.to(Sums).add(1, 2);
    expect(await done).toMatchObject({ value: 3 });
  });

  it.each([true, undefined])('keeps the app from starting with required: %s', async (required) => {
    const { broker } = server(required);
    const error = await refusal({ providers: [Sums] }, { brokers: { default: broker } });
    expect(error.code).toBe('FUNQ_BROKER_UNAVAILABLE');
    expect(error.message).toContain("broker 'default' (memory) can't be opened: connect ECONNREFUSED");
  });

  it('keeps the app from starting when it is not away but refuses what was given', async () => {
    const { broker } = server(false, () => new Error('the password is wrong'));
    const error = await refusal({ providers: [Sums] }, { brokers: { default: broker } });
    expect(error.message).toContain('the password is wrong');
  });

  it('holds the start up for five seconds and no longer when it does not answer', async () => {
    const clock = new ManualClock();
    const broker: Broker = { ...memory(), required: false, connect: () => new Promise(() => undefined) };
    const booting = boot({}, { brokers: { default: broker }, clock });
    let started = false;
    void booting.then(() => (started = true));
    await clock.advance(4999);
    expect(started).toBe(false);
    await clock.advance(1);
    const { log } = await booting;
    expect(log.find('no answer within 5000 ms')).toHaveLength(1);
  });
});

describe('a store that is away when the app starts', () => {
  it('is told of', async () => {
    const real = memoryCoordination();
    const coordination: CoordinationStore = Object.assign(Object.create(real) as CoordinationStore, {
      required: false,
      connect: () => Promise.reject(away()),
    });
    const { log } = await boot({ providers: [Sums] }, { stores: { coordination } });
    expect(log.find('store memory is away')).toHaveLength(1);
  });
});
