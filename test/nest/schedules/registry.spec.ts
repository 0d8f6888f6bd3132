import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqScheduler, currentTask } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, turns } from '../support/app.js';
import { HOUR, MINUTE, SECOND, START } from './scheduling.js';

const ran: (string | undefined)[] = [];

@Injectable()
class Jobs {
  @Consumer({
    queue: 'jobs',
    schedule: [
      { name: 'morning', cron: '0 6 * * *', timeZone: 'Europe/Berlin' },
      { name: 'beat', every: '1m' },
      { name: 'once', at: START + 2 * HOUR },
    ],
  })
  run(): void {
    ran.push(currentTask()!.headers['funq-schedule']);
  }
}

interface Readable {
  nextDate(): { toMillis(): number; toISO(): string; toJSDate(): Date } | null;
  nextDates(count: number): Date[];
  lastDate(): Date | null;
  readonly isActive: boolean;
  readonly cronTime: { readonly source: string };
}

async function registered() {
  ran.length = 0;
  const clock = new ManualClock(START);
  const booted = await boot({ imports: [ScheduleModule.forRoot()], providers: [Jobs] }, { clock });
  return {
    ...booted,
    clock,
    registry: booted.app.get(SchedulerRegistry, { strict: false }),
    scheduler: booted.app.get(FunqScheduler),
  };
}

describe("Nest's SchedulerRegistry", () => {
  it('shows cron jobs, intervals and timeouts by name, with their true next dates', async () => {
    const { clock, registry } = await registered();
    await clock.advance(90 * SECOND);
    expect([...registry.getCronJobs().keys()]).toEqual(['morning']);
    expect([registry.getIntervals(), registry.getTimeouts()]).toEqual([['beat'], ['once']]);
    const job = registry.getCronJob('morning');
    expect(job.nextDate().toMillis()).toBe(START + 5 * HOUR);
    expect(job.nextDate().toISO()).toBe('2026-01-01T05:00:00.000Z');
    expect(job.nextDates(2).map(Number)).toEqual([START + 5 * HOUR, START + 29 * HOUR]);
    expect([job.isActive, job.lastDate(), job.cronTime.source, job.name]).toEqual([true, null, '0 6 * * *', 'morning']);
    const beat = registry.getInterval<Readable>('beat');
    expect(beat.nextDate()!.toJSDate()).toEqual(new Date(START + 2 * MINUTE));
    expect(beat.lastDate()).toEqual(new Date(START + MINUTE));
    expect(registry.getTimeout<Readable>('once').cronTime.source).toBe('at 2026-01-01T02:00:00.000Z');
  });

  it('tells the next date as soon as the app has started', async () => {
    const { registry } = await registered();
    expect(registry.getCronJob('morning').nextDate().toMillis()).toBe(START + 5 * HOUR);
  });

  it('stops and starts one in this process, and fires one more task', async () => {
    const { clock, registry } = await registered();
    const job = registry.getCronJob('morning');
    void job.stop();
    await turns();
    expect([job.isActive, job.nextDate()]).toEqual([false, null]);
    await clock.advance(5 * HOUR);
    expect(ran).not.toContain('morning');
    job.start();
    job.start();
    await turns();
    expect(job.nextDate().toMillis()).toBe(START + 29 * HOUR);
    await job.fireOnTick();
    await turns();
    expect(ran.filter((name) => name === 'morning')).toHaveLength(1);
  }, 60_000);

  it('stops what is deleted from it', async () => {
    const { clock, registry } = await registered();
    registry.deleteInterval('beat');
    registry.deleteCronJob('morning');
    await clock.advance(6 * MINUTE);
    expect(ran).toEqual([]);
    expect([...registry.getCronJobs().keys(), ...registry.getIntervals()]).toEqual([]);
  });

  it('shows what is added, paused and removed while the app runs', async () => {
    const { registry, scheduler, close } = await registered();
    await scheduler.add(Jobs, { name: 'added', cron: '* * * * *' }).run();
    expect(registry.doesExist('cron', 'added')).toBe(true);
    await scheduler.pause('morning');
    expect([...registry.getCronJobs().keys()]).toEqual(['added']);
    await scheduler.resume('morning');
    await scheduler.remove('added');
    expect([...registry.getCronJobs().keys()]).toEqual(['morning']);
    await close();
    expect([...registry.getCronJobs().keys(), ...registry.getIntervals(), ...registry.getTimeouts()]).toEqual([]);
  });

  it("keeps the app's own jobs, also one of the same name, and says so", async () => {
    @Injectable()
    class Own {
      @Cron('0 0 1 1 *', { name: 'morning' })
      run(): void {}
    }
    const clock = new ManualClock(START);
    const { app, log } = await boot({ imports: [ScheduleModule.forRoot()], providers: [Jobs, Own] }, { clock });
    const registry = app.get(SchedulerRegistry, { strict: false });
    expect(registry.getCronJob('morning').cronTime.source).toBe('0 0 1 1 *');
    expect(log.find("Schedule 'morning' runs, but").map(({ level }) => level)).toEqual(['warn']);
    expect(await app.get(FunqScheduler).list()).toMatchObject([
      {},
      { name: 'morning', next: new Date(START + 5 * HOUR) },
      {},
    ]);
  });

  it('is not needed', async () => {
    ran.length = 0;
    const clock = new ManualClock(START);
    await boot({ providers: [Jobs] }, { clock });
    await clock.advance(MINUTE);
    expect(ran).toEqual(['beat']);
  });
});
