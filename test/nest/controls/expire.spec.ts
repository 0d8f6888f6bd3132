import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, RequeueError, ResultInterceptor, type ConsumerOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, collect, turns } from '../support/app.js';

let ran: string[] = [];

function job(options: ConsumerOptions): new () => { run(name: string): void } {
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', ...options })
    run(name: string): void {
      ran.push(name);
    }
  }
  ran = [];
  return Job;
}

describe('a task that has become too old', () => {
  it('is discarded when its turn comes: not at its very age, but beyond', async () => {
    const clock = new ManualClock();
    const queues = new Map();
    const front = await boot({}, { clock, brokers: { default: memory({ queues }) } });
    await front.funq.publish('jobs', ['old'], { id: 'old' });
    await clock.advance(1);
    await front.funq.publish('jobs', ['just'], { id: 'just' });
    await clock.advance(15_000);
    const results = memoryResults();
    const back = await boot(
      { providers: [job({ expire: '15s', persist: 'status' })] },
      { clock, brokers: { default: memory({ queues }) }, stores: { results } },
    );
    const failed: unknown[] = [];
    back.events.on('failed', (event) => void failed.push(event));
    const ended = Promise.all([back.events.next('expired'), back.events.next('done')]);
    await clock.advance(100);
    const [{ task, reason }] = await ended;
    expect([task.id, reason]).toEqual(['old', 'published 15001 ms ago, more than its expire of 15000 ms']);
    expect([ran, failed]).toEqual([['just'], []]);
    await back.app.get(ResultInterceptor).flush();
    expect(await results.find('old')).toMatchObject({ status: 'expired', attempts: 0, reason });
  });

  it('is discarded after waiting for the rate', async () => {
    const clock = new ManualClock();
    const { funq, events } = await boot(
      { providers: [job({ rate: { starts: 1, per: '10s' }, expire: '15s' })] },
      { clock },
    );
    const expired = collect(events, 'expired', 2);
    await funq.publishMany('jobs', [['at 0'], ['at 10'], ['at 20'], ['at 30']]);
    await clock.advance(60_000);
    expect(ran).toEqual(['at 0', 'at 10']);
    expect((await expired).map(({ task }) => task.args[0])).toEqual(['at 20', 'at 30']);
  });

  it('counts from the first publishing, through retries and requeues', async () => {
    const clock = new ManualClock();
    const at: number[] = [];
    @Injectable()
    class Job {
      @Consumer({ expire: '5s' })
      run(): void {
        at.push(clock.monotonic());
        throw new RequeueError({ delay: 2000 });
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const expired = events.next('expired');
    await funq.to(Job).run();
    await clock.advance(10_000);
    await expired;
    expect(at).toEqual([0, 2000, 4000]);
  });

  it('tells its caller', async () => {
    const clock = new ManualClock();
    const { funq } = await boot({ providers: [job({ expire: '1s' })] }, { clock });
    const told = expect(funq.ask('jobs', ['x'], { delay: '2s' })).rejects.toMatchObject({
      remoteCode: 'FUNQ_EXPIRED',
      message: expect.stringContaining('on jobs was expired: published 2000 ms ago') as string,
    });
    await turns();
    await clock.advance(2000);
    await told;
    expect(ran).toEqual([]);
  });
});
