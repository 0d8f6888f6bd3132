/** How often each thing happened to the tasks of one consumer. A task that comes back is counted each time. */
export interface TaskCounts {
  /** Messages put into the queue: tasks, and the copies of those that were retried, requeued or deferred. */
  readonly published: number;
  /** Tasks taken up. */
  readonly started: number;
  /** Tasks executed. */
  readonly done: number;
  /** Runs that failed, whether or not another one followed. */
  readonly failed: number;
  /** Further runs, at once and in place or as a copy through the queue. */
  readonly retried: number;
  /** Tasks put back on request, uncounted as attempts. */
  readonly requeued: number;
  /** Tasks put back because they could not be executed yet: an equal call was, or they are suspected of killing processes. */
  readonly deferred: number;
  /** Tasks left out because an equal call was executed. */
  readonly filtered: number;
  /** Tasks that were too old when they would have started. */
  readonly expired: number;
  /** Tasks that their function discarded. */
  readonly discarded: number;
  /** Tasks that failed for the last time, and messages that could not be read: in the dead letters, or dropped where there are none. */
  readonly dead: number;
  /** Tasks given back unexecuted because the process stopped. */
  readonly released: number;
  /** Functions that ended after their task had been given up, by a timeout or a lost lease. */
  readonly late: number;
  /** Tasks whose lease was lost while they were in hand, so that others may execute them too. */
  readonly leaseLost: number;
}

/** The latest seconds that are over, ten or sixty of them. */
export interface RecentCounts extends TaskCounts {
  /** How many seconds were counted: fewer at first, when the process is younger. */
  readonly seconds: number;
  /** Tasks per second that ended for good: done, dead, filtered, expired or discarded. */
  readonly rate: number;
  /** Milliseconds that a task which was done took on average, from taking it up to its acknowledgement; `undefined` when none was. */
  readonly duration: number | undefined;
}

/** One consumer in one process, as that process reports it. */
export interface ConsumerLoad {
  /** Since the process counts. */
  readonly total: TaskCounts;
  /** {@link RecentCounts.rate} of the last ten and the last sixty seconds. */
  readonly rate10s: number;
  readonly rate60s: number;
  /** Tasks taken and not settled yet, those that wait for their start included. */
  readonly running: number;
}

/** How one consumer fares: what this process counted, and what is left for all processes. */
export interface ConsumerCounters {
  readonly queue: string;
  readonly broker: string;
  /** `ClassName.methodName`. */
  readonly handler: string;
  /** Since this process started. */
  readonly total: TaskCounts;
  readonly last10s: RecentCounts;
  readonly last60s: RecentCounts;
  /** Tasks that this process has taken and not settled yet. */
  readonly running: number;
  /**
   * All live processes that consume the queue, this one included. Others tell of themselves every five seconds, through a
   * coordination store that is shared; without one each process knows only itself.
   */
  readonly all: {
    readonly processes: number;
    readonly running: number;
    readonly rate10s: number;
    readonly rate60s: number;
  };
  /** Messages that wait in the queue, delayed ones not included; `undefined` where the broker can't tell, or did not in time. */
  readonly waiting: number | undefined;
  /** {@link waiting} and what all live processes have in hand. */
  readonly remaining: number | undefined;
  /**
   * Milliseconds until nothing remains, at the present pace of all processes and net of what comes in; `'growing'` when that
   * never happens; `undefined` when too little is known: nothing moves, or {@link remaining} is unknown.
   */
  readonly eta: number | 'growing' | undefined;
}
