import { Injectable, Logger } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { ScheduleTimes } from '../../contracts/schedule.js';
import { ShownJob } from './shown.job.js';

/** What the registry's readers may ask of a schedule. Moments in milliseconds since the epoch. */
export interface Shown {
  readonly when: ScheduleTimes;
  active(): boolean;
  last(): number | undefined;
  next(count: number): readonly number[];
  start(): void;
  stop(): Promise<void>;
  fire(): Promise<void>;
}

type Kind = 'cron' | 'interval' | 'timeout';

/**
 * Shows schedules in the `SchedulerRegistry` of `@nestjs/schedule`, where the app has imported `ScheduleModule.forRoot()`:
 * `cron` as cron jobs, `every` as intervals, `at` as timeouts, each a {@link ShownJob}. What is deleted from the registry stops in this process.
 */
@Injectable()
export class RegistryMirror {
  readonly #logger = new Logger('Funq');
  #registry: SchedulerRegistry | undefined;
  readonly #shown = new Map<string, Kind>();

  constructor(private readonly moduleRef: ModuleRef) {}

  async open(): Promise<void> {
    try {
      const { SchedulerRegistry } = await import('@nestjs/schedule');
      this.#registry = this.moduleRef.get(SchedulerRegistry, { strict: false });
    } catch {
      // Not installed, or not imported by the app: then nobody reads it.
    }
  }

  show(name: string, shown: Shown): void {
    const registry = this.#registry;
    if (!registry) return;
    const kind = kindOf(shown.when);
    if (registry.doesExist(kind, name)) {
      this.#logger.warn(
        `Schedule '${name}' runs, but SchedulerRegistry has another ${kind} of its name and can't show it`,
      );
      return;
    }
    const job = new ShownJob(name, shown);
    // The registry's readers use these members of a CronJob; its private ones drive it by real time, which the clock does here.
    if (kind === 'cron') registry.addCronJob(name, job as unknown as Parameters<SchedulerRegistry['addCronJob']>[1]);
    else if (kind === 'interval') registry.addInterval(name, job);
    else registry.addTimeout(name, job);
    this.#shown.set(name, kind);
  }

  /** False for what was shown and has been deleted from the registry since. */
  shows(name: string): boolean {
    const kind = this.#shown.get(name);
    return kind === undefined || (this.#registry?.doesExist(kind, name) ?? true);
  }

  hide(name: string): void {
    const kind = this.#shown.get(name);
    this.#shown.delete(name);
    const registry = this.#registry;
    if (!kind || !registry?.doesExist(kind, name)) return;
    if (kind === 'cron') registry.deleteCronJob(name);
    else if (kind === 'interval') registry.deleteInterval(name);
    else registry.deleteTimeout(name);
  }
}

function kindOf(when: ScheduleTimes): Kind {
  if ('cron' in when) return 'cron';
  return 'every' in when ? 'interval' : 'timeout';
}
