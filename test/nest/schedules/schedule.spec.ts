import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqScheduler } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot } from '../support/app.js';
import { limited, publishingBy } from '../support/brokers.js';
import { sharedStore } from '../support/shared-store.js';
import { DAY, HOUR, MINUTE, scheduling, SECOND, sharedFile, START, steps } from './scheduling.js';

describe('a schedule', () => {
  it('publishes a task at each moment, and the function sees which', async () => {
    const { clock, ran, close } = await scheduling([
      { cron: '0 6 * * *', timeZone: 'Asia/Shanghai', args: ['Shenzhen', 7n] },
      { name: 'hourly', every: '1h', headers: { tenant: 'a' } },
    ]);
    await clock.advance(2 * HOUR);
    await close();
    expect(ran).toEqual([
      { due: HOUR, args: [], id: 'hourly@2026-01-01T01:00:00.000Z', schedule: 'hourly' },
      { due: 2 * HOUR, args: [], id: 'hourly@2026-01-01T02:00:00.000Z', schedule: 'hourly' },
    ]);
    const later = await scheduling(
      { cron: '0 6 * * *', timeZone: 'Asia/Shanghai', args: ['Shenzhen', 7n] },
      { clock: new ManualClock(START + 21 * HOUR) },
    );
    await later.clock.advance(2 * HOUR);
    expect(later.ran).toEqual([
      { due: 22 * HOUR, args: ['Shenzhen', 7n], id: 'jobs@2026-01-01T22:00:00.000Z', schedule: 'jobs' },
    ]);
  });

  it('by cron with seconds, by every, at several moments and for so many times', async () => {
    const { clock, ran } = await scheduling([
      { name: 'cron', cron: '*/20 * * * * *' },
      { name: 'every', every: '25s', times: 2 },
      { name: 'at', at: [START + 7 * SECOND, new Date(START + 50 * SECOND), '2026-01-01T01:00:42+01:00'] },
      { name: 'window', every: '10s', from: START + 15 * SECOND, until: '2026-01-01T00:00:40Z' },
    ]);
    await clock.advance(65 * SECOND);
    const of = (name: string): unknown[] => ran.filter(({ schedule }) => schedule === name).map(({ due }) => due);
    expect(of('cron')).toEqual([20 * SECOND, 40 * SECOND, 60 * SECOND]);
    expect(of('every')).toEqual([25 * SECOND, 50 * SECOND]);
    expect(of('at')).toEqual([7 * SECOND, 42 * SECOND, 50 * SECOND]);
    expect(of('window')).toEqual([15 * SECOND, 25 * SECOND, 35 * SECOND]);
  });

  it('publishes with its options, which override those of the consumer', async () => {
    const runs: string[] = [];
    @Injectable()
    class Jobs {
      @Consumer({ queue: 'jobs', retry: 5, schedule: { every: '1m', retry: 1, args: ['x'], times: 1 } })
      run(text: string): never {
        runs.push(text);
        throw new Error('no');
      }
    }
    const clock = new ManualClock(START);
    const { events } = await boot({ providers: [Jobs] }, { clock });
    const dead = events.next('dead');
    await clock.advance(MINUTE);
    expect((await dead).letter.envelope).toMatchObject({
      id: 'jobs@2026-01-01T00:01:00.000Z',
      options: { retry: 1 },
      headers: { 'funq-schedule': 'jobs', 'funq-due': '2026-01-01T00:01:00.000Z' },
    });
    expect(runs).toEqual(['x', 'x']);
  });

  it('may come from providers', async () => {
    const ran: string[] = [];
    @Injectable()
    class Config {
      readonly period = '1m';
    }
    @Injectable()
    class Jobs {
      @Consumer((config: Config) => ({ schedule: { every: config.period } }), [Config])
      run(): void {
        ran.push('ran');
      }
    }
    const clock = new ManualClock(START);
    await boot({ providers: [Config, Jobs] }, { clock });
    await clock.advance(3 * MINUTE);
    expect(ran).toHaveLength(3);
  });

  it('tells of each task, and of what failed', async () => {
    let away = true;
    const broker = publishingBy((real) => async (queue, messages) => {
      if (away) throw new Error('away');
      return real(queue, messages);
    });
    const { clock, dues, events, log } = await scheduling({ every: '10s' }, { brokers: { default: broker } });
    const failed = events.next('scheduleFailed');
    const told: unknown[] = [];
    events.on('scheduled', (event) => void told.push(event));
    await clock.advance(15 * SECOND);
    expect(await failed).toMatchObject({ schedule: 'jobs', queue: 'jobs', attempt: 1 });
    expect(log.find('schedule jobs of jobs, failure 1').map(({ level }) => level)).toEqual(['error']);
    away = false;
    await clock.advance(10 * SECOND);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND]);
    expect(told).toMatchObject([
      { schedule: 'jobs', queue: 'jobs', id: 'jobs@2026-01-01T00:00:10.000Z', due: START + 10 * SECOND },
      { due: START + 20 * SECOND },
    ]);
  });
});

describe('several processes', () => {
  it('make one task of each moment, and go on when one of them stops', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const apps = [];
    for (let n = 0; n < 3; n++) apps.push(await scheduling({ every: '1s' }, { ...shared(), clock }));
    await clock.advance(10 * SECOND);
    await apps[0]!.close();
    const stopped = (clock.now() - START) / SECOND;
    await clock.advance(10 * SECOND);
    await apps[1]!.close();
    await clock.advance(10 * SECOND);
    const dues = apps.flatMap((app) => app.dues()).toSorted((a, b) => a! - b!);
    expect(stopped).toBeGreaterThanOrEqual(10);
    expect(dues).toEqual(steps(dues.length, SECOND));
    expect(dues.length).toBeGreaterThanOrEqual(29);
  });

  it('without a broker that drops repeats agree through the coordination store', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const options = () => {
      const { brokers, stores } = shared();
      const broker = brokers['default']!;
      const publish: typeof broker.publish = async (queue, messages) => {
        expect(messages.every(({ unique }) => unique === undefined)).toBe(true);
        return broker.publish(queue, messages);
      };
      return { brokers: { default: { ...broker, publish, features: { ...broker.features, unique: false } } }, stores };
    };
    const apps = [];
    for (let n = 0; n < 3; n++) apps.push(await scheduling({ every: '5s' }, { ...options(), clock }));
    await clock.advance(MINUTE);
    const dues = apps.flatMap((app) => app.dues()).toSorted((a, b) => a! - b!);
    expect(dues).toEqual(steps(12, 5 * SECOND));
  });

  it('take over from one that died while it published', async () => {
    const coordination = memoryCoordination();
    const { clock, dues } = await scheduling(
      { every: '10s', times: 2 },
      { brokers: { default: limited({ unique: false }) }, stores: { coordination } },
    );
    await coordination.claim('schedule/jobs/jobs@2026-01-01T00:00:10.000Z', 'a process that died', 14 * SECOND);
    await clock.advance(13 * SECOND);
    expect(dues()).toEqual([]);
    await clock.advance(2 * SECOND);
    expect(dues()).toEqual([10 * SECOND]);
    await clock.advance(10 * SECOND);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND]);
  });

  it('do not wait for one whose broker is away', async () => {
    const [clock, queues, coordination] = [new ManualClock(START), new Map(), sharedStore()];
    const cut = { ...limited({ unique: false }, { queues }), publish: () => Promise.reject(new Error('away')) };
    const options = { clock, stores: { coordination } };
    const first = await scheduling({ every: '5m' }, { ...options, brokers: { default: cut } });
    const failed = first.events.next('scheduleFailed');
    const second = await scheduling(
      { every: '5m' },
      { ...options, brokers: { default: limited({ unique: false }, { queues }) } },
    );
    await clock.advance(5 * MINUTE + 20 * SECOND);
    await failed;
    expect([...first.dues(), ...second.dues()]).toEqual([5 * MINUTE]);
    await clock.advance(5 * MINUTE);
    expect([...first.dues(), ...second.dues()]).toEqual([5 * MINUTE, 10 * MINUTE]);
  });

  it('publish once what the store could not note as published at first', async () => {
    const coordination = memoryCoordination();
    const { confirm } = coordination;
    let failures = 0;
    const { clock, dues } = await scheduling(
      { every: '10s', times: 3 },
      { brokers: { default: limited({ unique: false }) }, stores: { coordination } },
    );
    coordination.confirm = (key, ...rest) =>
      key.startsWith('schedule/jobs/') && ++failures % 3 > 0
        ? Promise.reject(new Error('away'))
        : confirm.call(coordination, key, ...rest);
    await clock.advance(MINUTE);
    expect(failures).toBeGreaterThanOrEqual(9);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND, 30 * SECOND]);
  });

  it('that only publish run no schedules', async () => {
    const { clock, ran, events, scheduler } = await scheduling({ every: '1s' }, { consume: false });
    const told: unknown[] = [];
    events.on('published', (event) => void told.push(event));
    await clock.advance(MINUTE);
    expect([ran, told]).toEqual([[], []]);
    expect(await scheduler.list()).toMatchObject([{ name: 'jobs', here: false, next: new Date(START + 61 * SECOND) }]);
  });
});

describe('a restart', () => {
  it.each<['skip' | 'once' | number, number[]]>([
    ['skip', []],
    ['once', [600 * SECOND]],
    [4, [570, 580, 590, 600].map((second) => second * SECOND)],
  ])('after ten minutes, with missed: %s', async (missed, made) => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const schedule = { every: '10s', missed };
    const first = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(5 * SECOND);
    await first.close();
    await clock.advance(START + 600 * SECOND - clock.now());
    const second = await scheduling(schedule, { ...shared(), clock });
    const third = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(5 * SECOND);
    expect([...second.dues(), ...third.dues()].toSorted((a, b) => a! - b!)).toEqual(made);
  });

  it('does not repeat what was done, however long ago', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START + 6 * HOUR - MINUTE);
    const schedule = [
      { name: 'daily', cron: '0 6 * * *' },
      { name: 'once', at: START + 6 * HOUR + SECOND },
    ];
    const first = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(2 * MINUTE);
    expect(first.dues()).toEqual([6 * HOUR, 6 * HOUR + SECOND]);
    await first.close();
    await clock.advance(23 * HOUR);
    const second = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(MINUTE);
    expect(second.dues()).toEqual([]);
    await second.close();
    await clock.advance(2 * DAY);
    const third = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(MINUTE);
    expect(third.dues()).toEqual([2 * DAY + 6 * HOUR]);
  });

  it('goes on counting times', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const schedule = { every: '1m', times: 5, missed: 'skip' as const };
    const first = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(2 * MINUTE + SECOND);
    await first.close();
    await clock.advance(START + 3.5 * MINUTE - clock.now());
    const second = await scheduling(schedule, { ...shared(), clock });
    await clock.advance(10 * MINUTE);
    expect(first.dues()).toEqual([MINUTE, 2 * MINUTE]);
    expect(second.dues()).toEqual([4 * MINUTE, 5 * MINUTE]);
  });

  it('without a store begins anew', async () => {
    const queues = new Map();
    const clock = new ManualClock(START);
    const first = await scheduling({ every: '1m' }, { brokers: { default: memory({ queues }) }, clock });
    await clock.advance(10 * SECOND);
    await first.close();
    await clock.advance(10 * MINUTE);
    const second = await scheduling({ every: '1m' }, { brokers: { default: memory({ queues }) }, clock });
    await clock.advance(MINUTE);
    expect(second.dues()).toHaveLength(1);
  });
});

describe('the start and the end of an app', () => {
  it('come before the first moment and after the last one', async () => {
    const clock = new ManualClock(START);
    const seen: string[] = [];
    @Injectable()
    class Jobs {
      @Consumer({ queue: 'jobs', schedule: { every: '1s' } })
      run(): void {}
      onApplicationBootstrap(): void {
        seen.push('bootstrap');
      }
      onModuleDestroy(): void {
        seen.push('destroy');
      }
    }
    const { events, close } = await boot({ providers: [Jobs] }, { clock });
    events.on('scheduled', () => void seen.push('scheduled'));
    await clock.advance(2 * SECOND);
    await close();
    await clock.advance(HOUR);
    expect(seen).toEqual(['bootstrap', 'scheduled', 'scheduled', 'destroy']);
    expect(clock.pending).toBe(0);
  });

  it('wait for a publish that is under way', async () => {
    const clock = new ManualClock(START);
    const broker = publishingBy((real) => async (queue, messages) => {
      await clock.sleep(2 * SECOND);
      return real(queue, messages);
    });
    const { close, scheduler } = await scheduling({ every: '10s' }, { brokers: { default: broker }, clock });
    await clock.advance(11 * SECOND);
    await close();
    expect(clock.pending).toBe(0);
    expect(scheduler).toBeInstanceOf(FunqScheduler);
  });

  it('of an app without schedules and stores set no timer', async () => {
    const { clock, close } = await scheduling(undefined, {
      brokers: { default: sqlite({ file: ':memory:' }) },
      consume: false,
      report: false,
    });
    expect(clock.pending).toBe(0);
    await close();
  });
});
