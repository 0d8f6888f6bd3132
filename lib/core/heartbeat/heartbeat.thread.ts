import { parentPort, workerData } from 'node:worker_threads';
import type { OpenPulse } from '../../contracts/broker.js';
import { SystemClock } from '../system-clock.js';
import { StandIn, type Orders } from './stand-in.js';

/** What the thread is started with. */
export interface ThreadData {
  /** One number each, counted by the main thread: turns of its event loop, and calls of tasks' functions. */
  readonly turns: Int32Array<SharedArrayBuffer>;
  readonly calls: Int32Array<SharedArrayBuffer>;
  readonly maxBlock: number;
}

/** What it tells of a source, by its key: that a new connection could keep it alive, or why none can. */
export interface ThreadNews {
  readonly key: number;
  readonly failure?: { readonly error: Error; readonly delay: number };
}

/** A program: the heartbeat thread, started by `heartbeat.ts`, until it is sent no orders any more. */
const { turns, calls, maxBlock } = workerData as ThreadData;
const tell = (news: ThreadNews): void => parentPort?.postMessage(news);
const standIn = new StandIn({
  clock: new SystemClock(),
  maxBlock,
  turns: () => Atomics.load(turns, 0),
  calls: () => Atomics.load(calls, 0),
  load: (module) => import(module) as Promise<{ readonly openPulse: OpenPulse }>,
  ready: (key) => tell({ key }),
  failed(key, thrown, delay) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    tell({ key, failure: { error, delay } });
  },
});

// The main thread has printed them already.
process.removeAllListeners('warning');
parentPort?.on('message', (orders: Orders | undefined) => {
  if (orders) standIn.follow(orders);
  else void standIn.close().finally(() => parentPort?.close());
});
