import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { SchedulePolicy } from '../../contracts/schedule.js';
import { Events } from '../../core/events.js';
import { PunctualStore } from '../../core/punctual-store.js';
import { agreed } from '../../core/schedules/agreed.js';
import { datesOf, following, type Dates } from '../../core/schedules/dates.js';
import { describeTimes } from '../../core/schedules/schedule.js';
import { Ticker, type Tick } from '../../core/schedules/ticker.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_COORDINATION, FUNQ_SETTINGS } from '../funq.tokens.js';
import { ScheduleBook, type Entry } from './schedule.book.js';
import { RegistryMirror, type Shown } from './schedule.mirror.js';
import { writeStanding } from './schedule.standing.js';

/** A schedule that this process runs, or would if it were not held. */
interface Running {
  readonly entry: Entry;
  /** Tells this entry from one that was changed. */
  readonly print: string;
  ticker: Ticker | undefined;
  last: number | undefined;
}

/** Runs the schedules of the queues that this process consumes, from the start of its consumers until just before their end. */
@Injectable()
export class ScheduleRunner {
  readonly #running = new Map<string, Running>();
  #startedAt = 0;
  #open = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly book: ScheduleBook,
    private readonly mirror: RegistryMirror,
    private readonly events: Events,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
  ) {}

  async start(): Promise<void> {
    this.#startedAt = this.clock.now();
    this.#open = true;
    await this.mirror.open();
    this.book.follow(() => void this.refresh());
    await this.refresh();
  }

  /** Resolves when no schedule publishes any more. */
  async stop(): Promise<void> {
    this.#open = false;
    await this.#turn;
    await Promise.all([...this.#running.keys()].map((name) => this.#end(name)));
  }

  /** Starts and stops schedules as they stand now. One after the other, however often it is asked for. */
  refresh(): Promise<void> {
    return (this.#turn = this.#turn.then(() => this.#refresh()));
  }

  /** Whether this process consumes the queue. */
  runs(policy: Policy): boolean {
    return this.book.knows(policy) && this.settings.consumes(policy.queue, policy.group);
  }

  /** The moment that this process published last. */
  lastOf(name: string): number | undefined {
    return this.#running.get(name)?.last;
  }

  /** What comes next as far as one can tell before the store has answered. */
  #expected(schedule: SchedulePolicy, count: number): readonly number[] {
    const now = this.clock.now();
    return following(datesOf(schedule, now), count, now);
  }

  /** The moments of a schedule, as its processes see them. */
  async datesOf(
    { schedule, standing, policy }: Entry,
    signal: AbortSignal,
  ): Promise<Dates & { readonly base: number }> {
    const { store, clock } = this;
    let base = standing.added?.at ?? (this.#startedAt || clock.now());
    if (!standing.added && store) {
      const series = createHash('sha256').update(describeTimes(schedule.when)).digest('base64url').slice(0, 16);
      const key = `schedule/since/${policy.queue}/${schedule.name}/${series}`;
      base = Number(await agreed(store, key, String(base), clock, signal));
    }
    return { ...datesOf(schedule, base), base };
  }

  async #refresh(): Promise<void> {
    if (!this.#open) return;
    const entries = this.book.entries();
    for (const [name, { print }] of this.#running) {
      const entry = entries.get(name);
      if (!entry || entry.standing.state !== 'running' || printOf(entry) !== print) await this.#end(name);
    }
    for (const [name, entry] of entries) {
      if (!this.#open || this.#running.has(name) || entry.standing.state !== 'running' || !this.runs(entry.policy))
        continue;
      const running: Running = { entry, print: printOf(entry), ticker: undefined, last: undefined };
      this.mirror.show(name, this.#shown(running));
      this.#running.set(name, running);
      this.#launch(running, 0);
    }
  }

  #launch(running: Running, since: number): void {
    const { entry } = running;
    const { schedule, policy, task, sender, standing } = entry;
    const about = { schedule: schedule.name, queue: policy.queue };
    running.ticker = new Ticker({
      clock: this.clock,
      missed: schedule.missed,
      begin: async (signal) => {
        const dates = await this.datesOf(entry, signal);
        return { dates, since: Math.max(dates.base, standing.since, since) };
      },
      publish: async (tick: Tick, signal) => {
        if (!this.mirror.shows(schedule.name)) return void this.#hold(schedule.name);
        const id = await sender.send(task, tick, signal);
        running.last = tick.due;
        this.events.emit('scheduled', { ...about, id, due: tick.due });
      },
      failed: (error, attempt, delay) => this.events.emit('scheduleFailed', { ...about, error, attempt, delay }),
    });
    running.ticker.start();
  }

  async #end(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    this.mirror.hide(name);
    await running?.ticker?.stop();
  }

  /** Stops it in this process alone, until it is changed or started again. */
  async #hold(name: string): Promise<void> {
    const running = this.#running.get(name);
    const ticker = running?.ticker;
    if (running) running.ticker = undefined;
    await ticker?.stop();
  }

  #shown(running: Running): Shown {
    const { entry } = running;
    const { schedule, task, sender } = entry;
    return {
      when: schedule.when,
      active: () => running.ticker !== undefined,
      last: () => running.last,
      next: (count) => running.ticker?.next(count) ?? (running.ticker ? this.#expected(schedule, count) : []),
      start: () => {
        if (this.#open && !running.ticker && this.#running.get(schedule.name) === running)
          this.#launch(running, this.clock.now());
      },
      stop: () => this.#hold(schedule.name),
      fire: async () => void (await sender.sendNow(task)),
    };
  }
}

function printOf({ standing, schedule }: Entry): string {
  return `${schedule.name} ${writeStanding(standing)}`;
}
