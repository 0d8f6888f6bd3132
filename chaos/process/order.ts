/** What a process is started with; data, since it travels on a command line. */
export interface ProcessOrder {
  readonly name: string;
  readonly role: 'consumer' | 'publisher' | 'callee' | 'caller';
  /** Name in `BROKERS`. */
  readonly broker: string;
  /** Where the broker keeps what it stores, see `Place`. */
  readonly folder: string;
  readonly url: string;
  readonly namespace: string;
  readonly ledger: string;
  /** Milliseconds. */
  readonly lease: number;
  readonly maxBlock?: number;
  /** The point of a task's path, out of reach of any function, at which the process kills itself. */
  readonly dieAt?: 'claim' | 'ack';
  /** Also write down what the broker handed out. */
  readonly noteClaims?: boolean;
  /** Tasks publish another one before they end. */
  readonly follow?: boolean;
  /** The longest that the function of a task takes that it publishes, in milliseconds. */
  readonly longest: number;
  readonly seed: number;
}

/** How many more tasks a publisher shall publish; sent to it while it runs. */
export interface PublishOrder {
  readonly more: number;
}

/** Asks a process for its weight; sent to it while it runs. */
export const WEIGH = 'weigh';

/** What a process holds, after a collection of garbage. */
export interface Weight {
  /** Bytes. */
  readonly heap: number;
  readonly sockets: number;
}

/** What a task's function does besides waiting: kill its process, or keep the event loop busy. `hang` does so once only. */
export type Deed = 'die' | 'block' | 'hang';

export const QUEUE = 'chaos';
export const FOLLOW_QUEUE = 'chaos-follow';
/** Tasks in flight in one process. */
export const CONCURRENCY = 16;
