import type { Execution, FaultSpan, History } from './history.js';
import { EVERYBODY } from './ledger.js';

/** What stands with the broker when all processes have ended. */
export interface Leftovers {
  /** Tasks in the dead letters. */
  readonly dead: readonly string[];
  /** Tasks in the queues. */
  readonly queued: readonly string[];
}

/** The account of a run: tasks counted once each, but for executions. */
export interface Account {
  readonly attempted: number;
  /** Their publish resolved: they must not be lost. */
  readonly acknowledged: number;
  /** Their publish rejected. */
  readonly rejected: number;
  /** Their function ended at least once. */
  readonly executed: number;
  readonly dead: number;
  /** Still in a queue. */
  readonly queued: number;
  /** Acknowledged, and neither executed nor dead nor queued. */
  readonly lost: number;
  /** Executed, dead or queued, and never published. */
  readonly unexpected: number;
  /** Executed though nobody knows what became of their publish: its process was killed, or its time was over. */
  readonly recovered: number;
  /** Executed though their publish was refused for certain. */
  readonly contradicted: number;
  readonly faults: number;
  /** Executions that the faults caught in the middle. */
  readonly inFlight: number;
  /** Executions beyond the first of each task. */
  readonly duplicated: number;
  /** Those that no fault accounts for. */
  readonly unexplained: number;
  /** Leases lost, outside of faults. */
  readonly leasesLost: number;
  /** Acknowledgements that the broker took from one who had lost the task to another. */
  readonly staleAccepted: number;
  /** Acknowledgements that were refused, or not even tried, because the lease was lost. */
  readonly staleRefused: number;
  /** Processes that ended though nobody ended them. */
  readonly crashed: number;
  /** Milliseconds from a fault to the next start of what it caught, or from the end of one that hit all to the next task done. */
  readonly recovery: { readonly p50: number; readonly p99: number; readonly max: number } | undefined;
}

/** A publish that took too long, or whose connection was lost, may have been stored. */
const UNKNOWN = /^FUNQ_(PUBLISH_TIMEOUT|\w+_AWAY)$/;

/** In the words of Jepsen's total-queue checker; see its documentation. */
export function accountOf(history: History, { dead, queued }: Leftovers): Account {
  const { attempted, acknowledged, rejected, ended, executions, faults } = history;
  const found = new Set([...ended, ...dead, ...queued]);
  const count = (tasks: Iterable<string>, matches: (task: string) => boolean): number =>
    [...tasks].reduce((sum, task) => sum + Number(matches(task)), 0);
  const refused = (task: string): boolean => rejected.has(task) && !UNKNOWN.test(rejected.get(task)!);
  const caught = new Set(faults.flatMap((fault) => history.caughtBy(fault)));
  const all = [...executions.values()];
  const woken = new Set(faults.flatMap((fault) => history.begunOnWaking(fault)));
  const held = history.heldAtDeath();
  const copies = new Map<string, number>();
  for (const task of held) copies.set(task, (copies.get(task) ?? 0) + 1);
  return {
    attempted: attempted.size,
    acknowledged: acknowledged.size,
    rejected: rejected.size,
    executed: ended.size,
    dead: dead.length,
    queued: queued.length,
    lost: count(acknowledged, (task) => !found.has(task)),
    unexpected: count(found, (task) => !attempted.has(task)),
    recovered: count(ended, (task) => !acknowledged.has(task) && !refused(task)),
    contradicted: count(found, (task) => refused(task)),
    faults: faults.length,
    inFlight: caught.size + held.length,
    duplicated: all.reduce((sum, runs) => sum + runs.length - 1, 0),
    unexplained: all.reduce((sum, runs) => sum + unexplained(runs, caught, copies.get(runs[0]!.task)), 0),
    leasesLost: all.flat().filter((run) => run.lost && !caught.has(run)).length,
    staleAccepted: all.reduce((sum, runs) => sum + staleAccepted(runs, woken, copies.get(runs[0]!.task)), 0),
    staleRefused: all.flat().filter((run) => run.lost && !run.done).length,
    crashed: history.crashes.length,
    recovery: quantiles(faults.flatMap((fault) => recoveries(history, fault))),
  };
}

/**
 * Each repeat needs an earlier execution that a fault had caught, or is itself what a process began on waking with a task that
 * it had been handed before.
 */
function unexplained(runs: readonly Execution[], caught: ReadonlySet<Execution>, copies = 0): number {
  const last = runs.at(-1);
  const reasons = runs.filter((run) => caught.has(run) && (run !== last || run.lost)).length;
  return Math.max(0, runs.length - 1 - reasons - copies);
}

/**
 * Done more than once, or done by one execution after another had been started with the task. Who begins on waking what has
 * gone to another takes it from nobody. Copies are tasks of their own.
 */
function staleAccepted(runs: readonly Execution[], woken: ReadonlySet<Execution>, copies = 0): number {
  const done = runs.filter((run) => run.done);
  const takers = runs.filter((run) => !woken.has(run));
  const overtaken = done.filter((run) =>
    takers.some(({ start }) => start.place > run.start.place && start.place < run.done!.place),
  );
  return Math.max(0, Math.max(done.length - 1, overtaken.length) - copies);
}

function recoveries(history: History, fault: FaultSpan): number[] {
  if (fault.on === EVERYBODY) {
    const { until } = fault;
    const dones = [...history.executions.values()].flat().flatMap(({ done }) => done ?? []);
    const after = until ? dones.filter(({ place }) => place > until.place).map(({ at }) => at - until.at) : [];
    return after.length > 0 ? [after.reduce((least, ms) => Math.min(least, ms))] : [];
  }
  const begun = history.caughtBy(fault).filter(({ start, done }) => start.place < fault.from.place && !done);
  return begun.flatMap((caught) => {
    const next = history.executions.get(caught.task)!.find(({ start }) => start.place > caught.start.place);
    return next ? [next.start.at - fault.from.at] : [];
  });
}

function quantiles(values: readonly number[]): Account['recovery'] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  return sorted.length > 0 ? { p50: at(0.5), p99: at(0.99), max: at(1) } : undefined;
}

/** Every reason why a run is not good enough; none when it is. `dead` is how many dead letters there must be. */
export function breachesOf(account: Account, dead = 0): string[] {
  const none = [
    'lost', 'queued', 'unexpected', 'contradicted', 'unexplained', 'leasesLost', 'staleAccepted', 'crashed',
  ] as const; // prettier-ignore
  const breaches = none.filter((name) => account[name] > 0).map((name) => `${name}: ${account[name]}, must be 0`);
  if (account.duplicated > account.inFlight)
    breaches.push(`duplicated: ${account.duplicated}, must be at most the ${account.inFlight} in flight at the faults`);
  if (account.dead !== dead) breaches.push(`dead: ${account.dead}, must be ${dead}`);
  return breaches;
}
