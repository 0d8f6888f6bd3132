import { Global, Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqScheduler } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, bootModule, funqModule, refused } from '../support/app.js';
import { HOUR, MINUTE, scheduling, SECOND, sharedFile, START, steps } from './scheduling.js';

describe('FunqScheduler.list()', () => {
  it('tells every schedule with its next moments', async () => {
    const { clock, scheduler } = await scheduling([
      { name: 'morning', cron: '0 6 * * *', timeZone: 'Europe/Berlin' },
      { name: 'beat', every: '1m' },
      { name: 'over', at: START - HOUR },
    ]);
    await clock.advance(90 * SECOND);
    const [beat, morning, over] = await scheduler.list();
    expect(beat).toMatchObject({
      name: 'beat',
      queue: 'jobs',
      broker: 'default',
      when: 'every 60000 ms',
      origin: 'declared',
      paused: false,
      here: true,
      next: new Date(START + 2 * MINUTE),
      last: new Date(START + MINUTE),
    });
    expect(beat!.nextFires(3)).toEqual(steps(3, MINUTE, START + 2 * MINUTE).map((epoch) => new Date(epoch)));
    expect(morning).toMatchObject({
      when: 'cron 0 6 * * * Europe/Berlin',
      next: new Date(START + 5 * HOUR),
      last: undefined,
    });
    expect(over).toMatchObject({ next: undefined, when: 'at 2025-12-31T23:00:00.000Z' });
    expect(over!.nextFires(2)).toEqual([]);
  });
});

describe('a pause', () => {
  it('leaves moments out, for good, and ends with resume()', async () => {
    const { clock, scheduler, dues } = await scheduling({ every: '10s' });
    await clock.advance(15 * SECOND);
    await scheduler.pause('jobs');
    await scheduler.pause('jobs');
    await clock.advance(HOUR);
    expect(await scheduler.list()).toMatchObject([{ paused: true, next: undefined }]);
    await scheduler.resume('jobs');
    await clock.advance(20 * SECOND);
    expect(dues()).toEqual([10 * SECOND, HOUR + 20 * SECOND, HOUR + 30 * SECOND]);
  });

  it('holds within a second in every process, and after a restart', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const [a, b] = [
      await scheduling({ every: '5s' }, { ...shared(), clock }),
      await scheduling({ every: '5s' }, { ...shared(), clock }),
    ];
    const web = await scheduling({ every: '5s' }, { ...shared(), clock, consume: false });
    await clock.advance(6 * SECOND);
    await web.scheduler.pause('jobs');
    await clock.advance(MINUTE);
    await b.close();
    const c = await scheduling({ every: '5s' }, { ...shared(), clock });
    await clock.advance(MINUTE);
    expect([...a.dues(), ...b.dues(), ...c.dues()]).toEqual([5 * SECOND]);
    expect(await c.scheduler.list()).toMatchObject([{ paused: true }]);
    const before = Math.floor((clock.now() - START) / (5 * SECOND));
    await web.scheduler.resume('jobs');
    await clock.advance(11 * SECOND);
    const dues = [...a.dues(), ...c.dues()].toSorted((x, y) => x! - y!);
    expect(dues.slice(-2)).toEqual([(before + 1) * 5 * SECOND, (before + 2) * 5 * SECOND]);
  });

  it('is not made up for after a restart', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const first = await scheduling({ every: '1m' }, { ...shared(), clock });
    await first.scheduler.pause('jobs');
    await clock.advance(5 * MINUTE + SECOND);
    await first.scheduler.resume('jobs');
    await first.close();
    const second = await scheduling({ every: '1m' }, { ...shared(), clock });
    await clock.advance(10 * SECOND);
    expect(second.dues()).toEqual([]);
  });
});

describe('FunqScheduler.remove()', () => {
  it('ends a schedule until it is added again', async () => {
    const { clock, scheduler, dues, close } = await scheduling(
      { every: '10s' },
      { stores: { coordination: memoryCoordination() } },
    );
    await clock.advance(10 * SECOND);
    await scheduler.remove('jobs');
    await clock.advance(MINUTE);
    expect(dues()).toEqual([10 * SECOND]);
    expect(await scheduler.list()).toEqual([]);
    expect((await refused(() => scheduler.resume('jobs'))).message).toBe(
      'there is no schedule "jobs"; the app has none',
    );
    expect(await scheduler.add('jobs', { name: 'jobs', every: '20s' })).toBe('jobs');
    await clock.advance(21 * SECOND);
    expect(dues()).toEqual([10 * SECOND, 80 * SECOND]);
    await close();
  });

  it('holds in every process and after a restart', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const first = await scheduling({ every: '5s' }, { ...shared(), clock });
    const other = await scheduling({ every: '5s' }, { ...shared(), clock });
    await first.scheduler.remove('jobs');
    await clock.advance(2 * SECOND);
    await first.close();
    const again = await scheduling({ every: '5s' }, { ...shared(), clock });
    await clock.advance(MINUTE);
    expect([...other.dues(), ...again.dues()]).toEqual([]);
  });
});

describe('FunqScheduler.add()', () => {
  @Injectable()
  class Weather {
    readonly asked: unknown[] = [];
    @Consumer({ queue: 'weather' })
    forecast(city: string, day = 'tomorrow'): string {
      this.asked.push([city, day]);
      return city;
    }
    plain(): void {}
  }

  it('takes a class and a call of its method', async () => {
    const clock = new ManualClock(START);
    const { app } = await boot({ providers: [Weather] }, { clock });
    const scheduler = app.get(FunqScheduler);
    expect(await scheduler.add(Weather, { name: 'morning', every: '1m', times: 2 }).forecast('Shenzhen')).toBe(
      'morning',
    );
    await clock.advance(5 * MINUTE);
    expect(app.get(Weather).asked).toEqual(Array.from({ length: 2 }, () => ['Shenzhen', 'tomorrow']));
    expect((await scheduler.list())[0]).toMatchObject({ origin: 'added', queue: 'weather', next: undefined });
  });

  it('reaches the processes that consume the queue, and outlives them', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const first = await scheduling(undefined, { ...shared(), clock });
    const second = await scheduling(undefined, { ...shared(), clock });
    const web = await scheduling(undefined, { ...shared(), clock, consume: false });
    const date = new Date(START);
    await web.scheduler.add('jobs', { name: 'added', every: '5s', args: [date, { deep: [1n] }] });
    await clock.advance(11 * SECOND);
    const [ran] = [...first.ran, ...second.ran];
    expect([...first.dues(), ...second.dues()].toSorted()).toEqual([10 * SECOND, 5 * SECOND]);
    expect(ran!.args).toEqual([date, { deep: [1n] }]);
    await first.close();
    await second.close();
    const third = await scheduling(undefined, { ...shared(), clock });
    await clock.advance(10 * SECOND);
    expect(third.dues().length).toBeGreaterThanOrEqual(2);
    expect(await third.scheduler.list()).toMatchObject([{ name: 'added', origin: 'added' }]);
    await web.scheduler.remove('added');
    await clock.advance(SECOND);
    const last = third.ran.length;
    await clock.advance(MINUTE);
    expect(third.ran.length).toBe(last);
  });

  it('of the same again changes nothing, of another under the same name changes it', async () => {
    const { clock, scheduler, dues } = await scheduling(undefined);
    await scheduler.add('jobs', { name: 'beat', every: '10s', times: 3 });
    await clock.advance(15 * SECOND);
    await scheduler.add('jobs', { name: 'beat', every: '10s', times: 3 });
    await clock.advance(10 * SECOND);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND]);
    await scheduler.pause('beat');
    await scheduler.add('jobs', { name: 'beat', every: '10s', times: 3 });
    await clock.advance(20 * SECOND);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND]);
    await scheduler.add('jobs', { name: 'beat', every: '1m', times: 1 });
    await clock.advance(HOUR);
    expect(dues()).toEqual([10 * SECOND, 20 * SECOND, MINUTE]);
  });

  it('is seen by whoever says something of the schedule right afterwards, in another process too', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const [first, second] = [
      await scheduling({ every: '10s' }, { ...shared(), clock }),
      await scheduling({ every: '10s' }, { ...shared(), clock }),
    ];
    await first.scheduler.add('jobs', { name: 'jobs', every: '25s' });
    await second.scheduler.pause('jobs');
    await clock.advance(SECOND);
    for (const { scheduler } of [first, second])
      expect(await scheduler.list()).toMatchObject([{ when: 'every 25000 ms', paused: true }]);
    await Promise.all([first.scheduler.add('jobs', { name: 'new', every: '1m' }), first.scheduler.resume('jobs')]);
    await second.scheduler.remove('new');
    await clock.advance(SECOND);
    expect(await first.scheduler.list()).toMatchObject([{ name: 'jobs', paused: false }]);
  });

  it('of the same in a module that starts before funq does changes nothing either', async () => {
    const shared = sharedFile();
    const clock = new ManualClock(START);
    const first = await scheduling(undefined, { ...shared(), clock });
    await first.scheduler.add('jobs', { name: 'beat', every: '10s' });
    await first.scheduler.pause('beat');
    await first.close();
    @Injectable()
    class Early {
      constructor(private readonly scheduler: FunqScheduler) {}
      async onApplicationBootstrap(): Promise<void> {
        await this.scheduler.add('jobs', { name: 'beat', every: '10s' });
      }
    }
    @Injectable()
    class Jobs {
      @Consumer('jobs')
      run(): void {}
    }
    @Global()
    @Module({ providers: [Early, Jobs] })
    class EarlyModule {}
    const { app } = await bootModule({ imports: [EarlyModule, funqModule({ ...shared(), clock })] }, clock);
    expect(await app.get(FunqScheduler).list()).toMatchObject([{ name: 'beat', paused: true }]);
  });

  it('may take the place of one that is declared', async () => {
    const { clock, scheduler, dues } = await scheduling({ every: '10s' });
    await scheduler.add('jobs', { name: 'jobs', every: '25s' });
    await clock.advance(55 * SECOND);
    expect(dues()).toEqual([25 * SECOND, 50 * SECOND]);
    expect(await scheduler.list()).toMatchObject([{ origin: 'added', when: 'every 25000 ms' }]);
  });

  it.each<[string, (scheduler: FunqScheduler) => Promise<unknown>, string, string]>([
    ['no name', (s) => s.add('weather', { every: '1s' } as never), 'FUNQ_OPTION_INVALID', 'name'],
    [
      'an unknown queue',
      (s) => s.add('elsewhere', { name: 'x', every: '1s' }),
      'FUNQ_CONSUMER_UNKNOWN',
      "queue 'elsewhere' has no consumer",
    ],
    [
      'a method that is no consumer',
      (s) => s.add(Weather, { name: 'x', every: '1s' }).plain(),
      'FUNQ_CONSUMER_UNKNOWN',
      'Weather.plain',
    ],
    [
      'what can never come',
      (s) => s.add('weather', { name: 'x', cron: '0 0 30 2 *' }),
      'FUNQ_OPTION_INVALID',
      'there is no such date',
    ],
    [
      'arguments that can not be sent',
      (s) => s.add('weather', { name: 'x', every: '1s', args: [() => 1] }),
      'FUNQ_UNSERIALIZABLE',
      'args[0]',
    ],
    [
      'a function among its options',
      (s) => s.add('weather', { name: 'x', every: '1s', filter: { key: () => '' } }),
      'FUNQ_OPTION_INVALID',
      "can't travel",
    ],
    ['a name that is unknown', (s) => s.pause('x'), 'FUNQ_OPTION_INVALID', 'there is no schedule "x"'],
  ])('refuses %s', async (_what, act, code, text) => {
    const { app } = await boot({ providers: [Weather] }, { clock: new ManualClock(START) });
    const error = await refused(() => act(app.get(FunqScheduler)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(await app.get(FunqScheduler).list()).toEqual([]);
  });

  it('refuses a name that belongs to another queue', async () => {
    const clock = new ManualClock(START);
    const { app } = await boot({ providers: [Weather, Other] }, { clock });
    const error = await refused(() => app.get(FunqScheduler).add('weather', { name: 'other', every: '1s' }));
    expect(error.code).toBe('FUNQ_CONSUMER_CLASH');
  });

  it('refuses before the schedules of the app are known, and takes it right after', async () => {
    const refusals: string[] = [];
    @Injectable()
    class Early {
      constructor(private readonly scheduler: FunqScheduler) {}
      async onModuleInit(): Promise<void> {
        const error = await refused(() => this.scheduler.list());
        refusals.push(error.message);
      }
      async onApplicationBootstrap(): Promise<void> {
        await this.scheduler.add(Weather, { name: 'early', every: '1m' }).forecast('Wuhan');
      }
    }
    const clock = new ManualClock(START);
    const { app } = await boot({ providers: [Weather, Early] }, { clock });
    expect(refusals).toEqual([expect.stringContaining('use it from onApplicationBootstrap() on')]);
    await clock.advance(MINUTE);
    expect(app.get(Weather).asked).toEqual([['Wuhan', 'tomorrow']]);
  });

  it('refuses the method of a class that only other processes provide, unless a shared store reaches them', async () => {
    const clock = new ManualClock(START);
    const alone = await boot({ providers: [Other] }, { clock });
    const act = (): Promise<string> =>
      alone.app.get(FunqScheduler).add(Weather, { name: 'x', every: '1s' }).forecast('Wuhan');
    expect((await refused(act)).code).toBe('FUNQ_STORE_MISSING');
    const shared = sharedFile();
    const front = await boot({ providers: [Other] }, { ...shared(), clock });
    const back = await boot({ providers: [Weather] }, { ...shared(), clock });
    await front.app.get(FunqScheduler).add(Weather, { name: 'x', every: '5s' }).forecast('Wuhan');
    await clock.advance(6 * SECOND);
    expect(back.app.get(Weather).asked).toEqual([['Wuhan', 'tomorrow']]);
  });

  it('refuses in a process that could reach nobody', async () => {
    const { scheduler } = await scheduling({ every: '1m' }, { consume: false });
    for (const act of [() => scheduler.pause('jobs'), () => scheduler.add('jobs', { name: 'x', every: '1s' })]) {
      expect((await refused(act)).code).toBe('FUNQ_STORE_MISSING');
    }
  });
});

@Injectable()
class Other {
  @Consumer({ queue: 'other', schedule: { every: '1m' } })
  run(): void {}
}
