import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type WindowOptions } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Booted } from '../support/app.js';

interface Watched extends Booted {
  readonly clock: ManualClock;
  /** Times of day at which tasks ran, in UTC. */
  readonly ran: string[];
  publish(): Promise<string>;
}

/** A consumer with a window, in an app that starts at this time of 2026-06-15, a Monday. */
async function windowed(window: WindowOptions, time: string): Promise<Watched> {
  const clock = new ManualClock(Date.parse(`2026-06-15T${time}Z`));
  const ran: string[] = [];
  @Injectable()
  class Job {
    @Consumer({ queue: 'jobs', window })
    run(): void {
      ran.push(new Date(clock.now()).toISOString().slice(11, 19));
    }
  }
  const booted = await boot({ providers: [Job] }, { clock });
  return { ...booted, clock, ran, publish: () => booted.funq.publish('jobs') };
}

const MINUTE = 60_000;

describe('a window', () => {
  it.each<[string, WindowOptions, string, string]>([
    ['within a day', { allow: '09:00-17:00' }, '08:58:20', '09:00:00'],
    ['across midnight', { allow: '22:00-06:00' }, '21:57:01', '22:00:00'],
    ['that is denied', { deny: '08:00-09:00' }, '08:58:59', '09:00:00'],
    ['denied across midnight', { deny: '23:00-00:02' }, '23:59:00', '00:02:00'],
    ['where deny wins', { allow: '08:00-17:00', deny: '08:50-09:00' }, '08:58:00', '09:00:00'],
    ['of several ranges', { allow: ['07:00-08:00', '09:00-10:00'] }, '08:58:30', '09:00:00'],
    ['of minutes of a cron expression', { allow: '*/5 * * * *' }, '08:58:00', '09:00:00'],
    ['of a cron expression for weekdays', { allow: '* 9 * * 1' }, '08:58:00', '09:00:00'],
    ['in another time zone', { allow: '11:00-12:00', timeZone: 'Europe/Berlin' }, '08:58:00', '09:00:00'],
    [
      'in a zone on the other side of midnight',
      { allow: '00:00-01:00', timeZone: 'Asia/Shanghai' },
      '15:58:00',
      '16:00:00',
    ],
  ])('%s opens on the minute', async (_name, window, start, opens) => {
    const { clock, ran, publish, events } = await windowed(window, start);
    const told: boolean[] = [];
    events.on('window', ({ open }) => void told.push(open));
    await publish();
    await clock.advance(5 * MINUTE);
    expect(ran).toEqual([opens]);
    expect(told[0]).toBe(true);
  });

  it('is open from the start when it is open', async () => {
    const { clock, ran, publish } = await windowed({ allow: '22:00-06:00' }, '05:58:00');
    await publish();
    await clock.advance(10);
    expect(ran).toEqual(['05:58:00']);
  });

  it('stops fetching when it closes, and what came meanwhile waits untouched', async () => {
    const { clock, ran, publish, events } = await windowed({ allow: '08:00-09:00' }, '08:59:00');
    const others: string[] = [];
    for (const name of ['requeued', 'deferred', 'released', 'retried'] as const)
      events.on(name, () => void others.push(name));
    await publish();
    await clock.advance(MINUTE + 10_000);
    await publish();
    await clock.advance(60 * MINUTE);
    expect(ran).toEqual(['08:59:00']);
    expect(others).toEqual([]);
    await clock.advance(22 * 60 * MINUTE);
    expect(ran).toEqual(['08:59:00', '08:00:00']);
  });

  it('closes on the minute, also for a fetch that is under way', async () => {
    const { clock, ran, publish } = await windowed({ allow: '08:00-09:00' }, '08:59:58');
    await clock.advance(2500);
    await publish();
    await clock.advance(5000);
    expect(ran).toEqual([]);
  });

  it('lets what runs run on', async () => {
    const clock = new ManualClock(Date.parse('2026-06-15T08:59:30Z'));
    @Injectable()
    class Job {
      @Consumer({ window: { allow: '08:00-09:00' } })
      async run(): Promise<string> {
        await clock.sleep(5 * MINUTE);
        return new Date(clock.now()).toISOString();
      }
    }
    const { funq, events } = await boot({ providers: [Job] }, { clock });
    const done = events.next('done');
    await funq.to(Job).run();
    await clock.advance(10 * MINUTE);
    expect((await done).value).toBe('2026-06-15T09:04:30.000Z');
  });

  it('can be switched off against the defaults', async () => {
    @Injectable()
    class Job {
      @Consumer({ window: false })
      run(): string {
        return 'ran';
      }
      @Consumer()
      closed(): string {
        return 'ran';
      }
    }
    const clock = new ManualClock(Date.parse('2026-06-15T12:00:00Z'));
    const { funq, events } = await boot(
      { providers: [Job] },
      { clock, defaults: { window: { allow: '01:00-02:00' } } },
    );
    const ran: string[] = [];
    events.on('done', ({ task }) => void ran.push(task.queue));
    await funq.to(Job).run();
    await funq.to(Job).closed();
    await clock.advance(MINUTE);
    expect(ran).toEqual(['Job.run']);
  });
});
