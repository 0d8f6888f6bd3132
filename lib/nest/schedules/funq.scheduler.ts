import { Inject, Injectable, type Type } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import type { ScheduleOptions } from '../../contracts/schedule.js';
import { FunqConfigError } from '../../core/errors.js';
import { checkQueueName } from '../../core/options/names.js';
import { show } from '../../core/options/show.js';
import { PunctualStore } from '../../core/punctual-store.js';
import { following } from '../../core/schedules/dates.js';
import { describeTimes, readSchedule } from '../../core/schedules/schedule.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_COORDINATION } from '../funq.tokens.js';
import { missingStore } from '../missing-store.js';
import { methodProxy, type Remote } from '../publishing/typed.publisher.js';
import { ScheduleBook, type Entry } from './schedule.book.js';
import { clashing } from './schedule.checks.js';
import { ScheduleRunner } from './schedule.runner.js';
import { writeOptions, type Standing } from './schedule.standing.js';

/** A schedule that is added needs a name: adding under the same name again changes it. @publicApi */
export type NamedSchedule = ScheduleOptions & { name: string };

/** One schedule as it stands. @publicApi */
export interface ScheduleView {
  readonly name: string;
  readonly queue: string;
  readonly broker: string;
  /** In words: `'cron 0 6 * * * UTC'`, `'every 60000 ms'`, `'at 2026-03-08T06:00:00.000Z'`. */
  readonly when: string;
  readonly paused: boolean;
  /** Declared by a consumer's options, or added while processes ran. */
  readonly origin: 'declared' | 'added';
  /** Whether this process runs it: it consumes the queue. */
  readonly here: boolean;
  /** The next moment; undefined when it is paused or over. */
  readonly next: Date | undefined;
  /** The moment that this process published last. */
  readonly last: Date | undefined;
  /** The next `count` moments; none when it is paused. */
  nextFires(count: number): readonly Date[];
}

/**
 * The app's schedules while it runs. What is changed here holds within a second for every process that shares the
 * coordination store, also after a restart where the store lasts; without such a store for this process alone.
 *
 * @publicApi
 */
@Injectable()
export class FunqScheduler {
  constructor(
    private readonly book: ScheduleBook,
    private readonly runner: ScheduleRunner,
    private readonly catalog: ConsumerCatalog,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {}

  /**
   * Adds a schedule of a class's consumer method, or changes the one of that name:
   * `await scheduler.add(Weather, { name: 'morning', cron: '0 6 * * *' }).forecast('Shenzhen')`. Resolves to its name. Adding
   * the same again does nothing, so each process may do it when it starts.
   */
  add<T extends object>(type: Type<T>, schedule: Omit<NamedSchedule, 'args'>): Remote<T>;
  /** The same by the queue's name: `await scheduler.add('weather', { name: 'morning', every: '1h', args: ['Shenzhen'] })`. */
  add(queue: string, schedule: NamedSchedule, broker?: string): Promise<string>;
  add<T extends object>(
    target: Type<T> | string,
    schedule: NamedSchedule,
    broker?: string,
  ): Remote<T> | Promise<string> {
    if (typeof target === 'string') return this.#addTo(target, schedule, broker);
    return methodProxy<Remote<T>>((method, args) =>
      this.#add(this.catalog.policyOf(target, method), { ...schedule, args }),
    );
  }

  /** Every schedule of the app's consumers, by name; also those that only other processes run. */
  async list(): Promise<readonly ScheduleView[]> {
    const entries = [...this.#book().entries().values()];
    const views = await Promise.all(entries.map((entry) => this.#view(entry)));
    return views.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Moments that pass while a schedule is paused are not made up for. Throws `FUNQ_OPTION_INVALID` for a name that there is not. */
  async pause(name: string): Promise<void> {
    await this.#switch(name, 'paused');
  }

  async resume(name: string): Promise<void> {
    await this.#switch(name, 'running');
  }

  /** For good: also one that a consumer declares does not come back with a restart, but when it is added again. */
  async remove(name: string): Promise<void> {
    await this.#change(async () => {
      this.#entry(name);
      const gone: Standing = { state: 'removed', since: this.clock.now() };
      await this.book.write(name, this.book.declares(name) ? gone : undefined);
    });
  }

  async #switch(name: string, state: 'paused' | 'running'): Promise<void> {
    await this.#change(async () => {
      const { standing } = this.#entry(name);
      if (standing.state !== state) await this.book.write(name, { ...standing, state, since: this.clock.now() });
    });
  }

  async #addTo(queue: string, schedule: NamedSchedule, broker: string | undefined): Promise<string> {
    checkQueueName(queue, 'schedule');
    const policy = this.catalog.ofQueue(queue, broker);
    if (policy) return this.#add(policy, schedule);
    throw new FunqConfigError(
      'FUNQ_CONSUMER_UNKNOWN',
      `queue '${queue}' has no consumer in this app, so nobody here could tell whether a schedule suits it; add it where the consumer is`,
    );
  }

  async #add(policy: Policy, options: NamedSchedule): Promise<string> {
    const schedule = readSchedule(options, `${policy.handler}: added schedule`, '');
    const { name } = schedule;
    await this.#book().prepare(policy, schedule);
    this.#refuseElsewhere(policy, name);
    const text = writeOptions(this.codec, options);
    await this.#change(() => this.#put(policy, name, text));
    return name;
  }

  async #put({ broker, queue }: Policy, name: string, options: string): Promise<void> {
    const standing = this.book.standing(name);
    const owner = standing.added ?? this.book.declares(name);
    if (owner && standing.state !== 'removed' && (owner.queue !== queue || owner.broker !== broker)) {
      throw clashing(name, `queue '${owner.queue}'`, `queue '${queue}'`);
    }
    if (standing.state !== 'removed' && standing.added?.options === options) return;
    const at = this.clock.now();
    await this.book.write(name, { state: 'running', since: at, added: { broker, queue, at, options } });
  }

  /** Does `work` with what holds in all processes, and follows it here. */
  async #change(work: () => Promise<void>): Promise<void> {
    await this.#book().change(work);
    await this.runner.refresh();
  }

  /** Throws for a name that there is not, and for one that nothing said here could reach. */
  #entry(name: string): Entry {
    const entries = this.#book().entries();
    const entry = entries.get(name);
    if (!entry) {
      const known = [...entries.keys()].map((each) => `'${each}'`).join(', ') || 'none';
      throw new FunqConfigError('FUNQ_OPTION_INVALID', `there is no schedule ${show(name)}; the app has ${known}`);
    }
    this.#refuseElsewhere(entry.policy, name);
    return entry;
  }

  /** Throws before the app's schedules are known. */
  #book(): ScheduleBook {
    if (this.book.open) return this.book;
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      'FunqScheduler knows the schedules when all modules are initialised: use it from onApplicationBootstrap() on',
    );
  }

  #refuseElsewhere(policy: Policy, name: string): void {
    if (this.store?.shared || this.runner.runs(policy)) return;
    throw missingStore(
      policy.handler,
      `changing schedule '${name}' from a process that does not consume it`,
      'coordination',
    );
  }

  async #view(entry: Entry): Promise<ScheduleView> {
    const { schedule, policy, standing } = entry;
    const dates = await this.runner.datesOf(entry, new AbortController().signal);
    const paused = standing.state === 'paused';
    const nextFires = (count: number): Date[] =>
      paused ? [] : following(dates, count, this.clock.now()).map((moment) => new Date(moment));
    const last = this.runner.lastOf(schedule.name);
    return {
      name: schedule.name,
      queue: policy.queue,
      broker: policy.broker,
      when: describeTimes(schedule.when),
      paused,
      origin: standing.added ? 'added' : 'declared',
      here: this.runner.runs(entry.policy),
      next: nextFires(1)[0],
      last: last === undefined ? undefined : new Date(last),
      nextFires,
    };
  }
}
