import type { DeadLetter } from '../contracts/envelope.js';
import type { Policy } from '../contracts/policy.js';
import type { ManagedTask as Task } from '../contracts/task.js';

/** Everything the engine tells. Logs, counters, stores and pages listen here; nothing else reports. Times in milliseconds. */
export interface EngineEvents {
  /** The broker holds these messages: tasks, copies of retries, replies and dead letters. */
  published: { queue: string; broker: string; count: number };
  publishFailed: { queue: string; broker: string; error: Error };
  /** A task was taken up; its handler is about to be called. */
  started: { task: Task };
  /** Executed; `duration` from taking it up to its end, waits included. */
  done: { task: Task; value: unknown; duration: number };
  /** One run failed; `again` when another one follows. */
  failed: { task: Task; error: unknown; again: boolean };
  /** Another run of the task begins in place, after one that failed. */
  rerun: { task: Task };
  /** Published again as another attempt. */
  retried: { task: Task; delay: number };
  requeued: { task: Task; delay: number };
  /** Put back uncounted: an equal call is being executed, its key's starts are taken, or it is suspected of killing processes. */
  deferred: { task: Task; delay: number };
  filtered: { task: Task; reason: string };
  expired: { task: Task; reason: string };
  discarded: { task: Task; reason: string };
  /** Stands in the dead letters, or was dropped where there are none (`deadLetter` undefined). `task` is missing when it could not be read. */
  dead: { queue: string; broker: string; task?: Task; letter: DeadLetter; deadLetter: string | undefined };
  /** A dead letter was sent back as a task. `id` is the task's, where it could be read. */
  replayed: { queue: string; deadLetter: string; id: string | undefined };
  /** Given back unexecuted: this process stops. */
  released: { task: Task };
  /** A function that had been abandoned ended after all; its outcome was ignored. */
  late: { task: Task; error?: unknown; value?: unknown };
  /** Somebody else may be executing the task; the outcome here was ignored. */
  leaseLost: { queue: string; task?: Task };
  /** A message only newer versions can read was left in its queue. */
  newerVersion: { queue: string; error: Error };
  progress: { task: Task; value: unknown };
  /** A settlement could not be written; the task stays with the broker and will run again. */
  settleFailed: { queue: string; task?: Task; error: unknown };
  replyFailed: { queue: string; task?: Task; error: unknown };
  /** The broker did not tell how many messages wait; told once until it does again. */
  countFailed: { queue: string; broker: string; error: unknown };
  /** A broker or store could not be reached when the app started; it is tried again whenever it is needed. */
  away: { what: string; error: unknown };
  /** The loop of a queue failed for the `attempt`-th time in a row and will try again after `delay`. */
  brokerError: { queue: string; broker: string; error: unknown; attempt: number; delay: number };
  /** The loop of a queue works again. */
  recovered: { queue: string; broker: string };
  /** Nothing keeps the leases while the event loop is blocked, until another try after `delay` succeeds. Once for all tries in a row. */
  heartbeatFailed: { error: unknown; delay: number };
  /** Every slot is busy, so the rate can't be kept. */
  rateBound: { queue: string; concurrency: number };
  /** Rate, concurrency, window or pause of a consumer were changed while it runs; `policy` holds from now on. */
  changed: { policy: Policy; paused: boolean };
  /** The consumer stopped fetching, for its time window closed or it was paused, or it fetches again. */
  window: { queue: string; open: boolean };
  /** The broker holds the task of a moment of a schedule; every process that runs the schedule tells it. */
  scheduled: { schedule: string; queue: string; id: string; due: number };
  /** The `attempt`-th try in a row to publish what a schedule asks for failed; the next follows after `delay`. */
  scheduleFailed: { schedule: string; queue: string; error: unknown; attempt: number; delay: number };
  /** How a busy consumer fared lately, in one line for people; as often as the option `report` says. */
  report: { queue: string; broker: string; text: string };
  /** Results that could not be saved and were given up. */
  resultsDropped: { count: number; error: unknown };
  /** A store was away and its answer was done without. */
  storeError: { store: string; error: unknown };
  /** A function among the consumer's options threw; the task went on as if it were not there. */
  optionFailed: { task: Task; option: string; error: unknown };
  /** Another process consumes the queue with other options. */
  mismatch: { queue: string; host: string; pid: number };
}

export type EventName = keyof EngineEvents;
type Listener<K extends EventName> = (event: EngineEvents[K]) => unknown;

/** The engine's one way of telling. Listeners are called in order and at once; one that throws, or rejects, disturbs nobody. */
export class Events {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();

  constructor(private readonly onListenerError: (error: unknown) => void = () => undefined) {}

  /** Listens; the returned function ends it. */
  on<K extends EventName>(name: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener as Listener<never>));
    return () => listeners.delete(listener as Listener<never>);
  }

  /** Resolves with the next event of the name that `matches`: what tests wait for instead of time. */
  next<K extends EventName>(
    name: K,
    matches: (event: EngineEvents[K]) => boolean = () => true,
  ): Promise<EngineEvents[K]> {
    return new Promise((resolve) => {
      const stop = this.on(name, (event) => {
        if (!matches(event)) return;
        stop();
        resolve(event);
      });
    });
  }

  emit<K extends EventName>(name: K, event: EngineEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? NOBODY) {
      try {
        const returned = (listener as Listener<K>)(event);
        if (returned instanceof Promise) returned.catch(this.onListenerError);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}

const NOBODY: readonly Listener<never>[] = [];
