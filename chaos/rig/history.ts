import { EVERYBODY, type Entry } from './ledger.js';

/** A moment: its place in the ledger's order, and its time. */
export interface Moment {
  readonly place: number;
  readonly at: number;
}

/** One call of a task's function in one process. */
export interface Execution {
  readonly task: string;
  readonly by: string;
  readonly start: Moment;
  end?: Moment;
  /** The engine was told by the broker that the task is done for ever. */
  done?: Moment;
  /** The engine noticed that somebody else may have the task. */
  lost?: Moment;
}

/** What was done to a process, or to all; without an end when the process is gone. */
export interface FaultSpan {
  readonly on: string;
  readonly from: Moment;
  until?: Moment;
}

/** Milliseconds after a fault in which a process still begins what it had been handed before it. */
const WAKING = 1000;

/** The ledger's entries put together, as they come in. */
export class History {
  readonly attempted = new Map<string, Moment>();
  readonly acknowledged = new Set<string>();
  /** By task, with the code of the error. */
  readonly rejected = new Map<string, string>();
  /** Tasks whose function has ended at least once. */
  readonly ended = new Set<string>();
  /** Tasks that are done for ever. */
  readonly done = new Set<string>();
  readonly executions = new Map<string, Execution[]>();
  /** When a task was last done for ever. */
  lastDone: Moment | undefined;
  /** The last beginning of a task's first execution. */
  lastFirst: Execution | undefined;
  readonly faults: FaultSpan[] = [];
  readonly crashes: string[] = [];
  /** By publisher. */
  readonly #publishes = new Map<string, { acknowledged: number; rejected: number }>();
  /** What each process was handed and has neither begun nor put back. */
  readonly #held = new Map<string, Set<string>>();
  readonly #runs = new Map<string, Execution>();
  #place = 0;

  constructor(entries: Iterable<Entry> = []) {
    for (const entry of entries) this.add(entry);
  }

  get size(): number {
    return this.#place;
  }

  add(entry: Entry): void {
    const { by, mark, task, note, at } = entry;
    const moment = { place: this.#place++, at };
    const run = this.#runs.get(`${by} ${note}`);
    switch (mark) {
      case 'attempted':
        return void this.attempted.set(task, moment);
      case 'acknowledged':
        this.acknowledged.add(task);
        this.#publishesOf(by).acknowledged++;
        return;
      case 'rejected':
        this.rejected.set(task, note);
        this.#publishesOf(by).rejected++;
        return;
      case 'claim':
        return void this.#heldBy(by).add(task);
      case 'back':
        return void this.#heldBy(by).delete(task);
      case 'start':
        this.#heldBy(by).delete(task);
        return this.#began({ task, by, start: moment }, note);
      case 'end':
        this.ended.add(task);
        if (run) run.end = moment;
        return;
      case 'done':
        this.done.add(task);
        this.lastDone = moment;
        if (run) run.done = moment;
        return;
      case 'lost':
        if (run) run.lost = moment;
        return;
      case 'fault':
        return void this.faults.push({ on: by, from: moment });
      case 'over': {
        const fault = this.faults.findLast(({ on }) => on === by);
        if (fault) fault.until = moment;
        return;
      }
      case 'crash':
        return void this.crashes.push(`${by} ended with ${note}`);
    }
  }

  acknowledgedBy(publisher: string): number {
    return this.#publishesOf(publisher).acknowledged;
  }

  /** How many of its publishes have ended, well or not. */
  settledBy(publisher: string): number {
    const { acknowledged, rejected } = this.#publishesOf(publisher);
    return acknowledged + rejected;
  }

  /** What a fault caught in the middle: begun before it was over, and neither done nor lost before it came; or begun on waking from it, on a lease that was lost in it. */
  caughtBy({ on, from, until }: FaultSpan): Execution[] {
    return [...this.executions.values()].flat().filter(({ by, start, done, lost }) => {
      if (on !== EVERYBODY && on !== by) return false;
      if ((done && done.place < from.place) || (lost && lost.place < from.place)) return false;
      if (!until || start.place < until.place) return true;
      return lost !== undefined && start.at - until.at < WAKING;
    });
  }

  /** Of what a fault caught, what its process began only when it was over: on a lease that was lost in it. */
  begunOnWaking(fault: FaultSpan): Execution[] {
    const { until } = fault;
    return until ? this.caughtBy(fault).filter(({ start, done }) => start.place > until.place && !done) : [];
  }

  /** Tasks that processes had in hand and not begun when they were killed; one for each death. */
  heldAtDeath(): string[] {
    const killed = this.faults.filter(({ until }) => !until);
    return killed.flatMap(({ on }) => [...this.#heldBy(on)]);
  }

  #heldBy(process: string): Set<string> {
    const held = this.#held.get(process) ?? new Set();
    this.#held.set(process, held);
    return held;
  }

  #publishesOf(publisher: string): { acknowledged: number; rejected: number } {
    const publishes = this.#publishes.get(publisher) ?? { acknowledged: 0, rejected: 0 };
    this.#publishes.set(publisher, publishes);
    return publishes;
  }

  #began(execution: Execution, run: string): void {
    this.#runs.set(`${execution.by} ${run}`, execution);
    const earlier = this.executions.get(execution.task);
    if (earlier) return void earlier.push(execution);
    this.executions.set(execution.task, [execution]);
    this.lastFirst = execution;
  }
}
