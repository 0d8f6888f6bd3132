import { Fading } from '../brokers/support/fading.js';
import type { ConnectContext } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import type {
  CoordinationStore,
  FilterClaim,
  ResultQuery,
  ResultStore,
  Store,
  TaskResult,
  WorkerReport,
} from '../contracts/stores.js';
import { pageOf } from './support/paging.js';

/**
 * Filter, rates, presence and settings in the memory of this process: right for an application that runs in one process.
 *
 * Keys that were confirmed without a TTL are kept for ever, so give filters a TTL where keys are without number.
 */
export function memoryCoordination(): CoordinationStore {
  return new MemoryCoordination();
}

export interface MemoryResultsOptions {
  /** Records kept; beyond it the one that was written longest ago is dropped. Default: 10,000. */
  readonly limit?: number;
}

/** The latest outcomes, in the memory of this process. */
export function memoryResults(options: MemoryResultsOptions = {}): ResultStore {
  return new MemoryResults(options.limit ?? 10_000);
}

/** What was stored belongs to the object: it is still there after `close()` and another `connect()`. */
class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly durable = false;
  readonly shared = false;
  #clock: Clock | undefined;

  async connect(context: ConnectContext): Promise<void> {
    this.#clock ??= context.clock;
  }

  async close(): Promise<void> {
    this.#clock = undefined;
  }

  protected get clock(): Clock {
    if (!this.#clock) throw new Error('The memory store is not connected');
    return this.#clock;
  }
}

interface Claim {
  readonly owner: string;
  /** Present once the call was executed. */
  readonly done?: { readonly value?: Uint8Array };
}

/** One for all that are done without a value: there may be millions. */
const DONE: Claim['done'] = Object.freeze({});

class MemoryCoordination extends MemoryStore implements CoordinationStore {
  readonly #claims = new Fading<Claim>();
  /** The theoretical time of each key's next start. */
  readonly #starts = new Fading<number>();
  readonly #workers = new Fading<WorkerReport>();
  readonly #settings = new Map<string, string>();

  async claim(key: string, owner: string, lease: number): Promise<FilterClaim> {
    const now = this.clock.monotonic();
    const claim = this.#claims.get(key, now);
    if (claim?.done) return { state: 'done', own: claim.owner === owner, ...claim.done };
    if (claim && claim.owner !== owner) return { state: 'running' };
    this.#claims.set(key, { owner }, now + lease, now);
    return { state: 'claimed' };
  }

  async confirm(key: string, owner: string, ttl = Infinity, value?: Uint8Array): Promise<boolean> {
    const now = this.clock.monotonic();
    const claim = this.#claims.get(key, now);
    if (claim && claim.owner !== owner) return false;
    this.#claims.set(key, { owner, done: value ? { value } : DONE }, now + ttl, now);
    return true;
  }

  async release(key: string, owner: string): Promise<void> {
    const claim = this.#claims.get(key, this.clock.monotonic());
    if (claim?.owner === owner && !claim.done) this.#claims.delete(key);
  }

  async reserve(key: string, interval: number, burst: number, permits: number): Promise<number> {
    const now = this.clock.monotonic();
    const start = this.#starts.get(key, now) ?? now;
    const next = start + interval * permits;
    this.#starts.set(key, next, next, now);
    return start - (burst - 1) * interval - now;
  }

  async report(worker: WorkerReport, ttl: number): Promise<void> {
    const now = this.clock.monotonic();
    this.#workers.set(worker.id, worker, now + ttl, now);
  }

  async withdraw(id: string): Promise<void> {
    this.#workers.delete(id);
  }

  async list(): Promise<readonly WorkerReport[]> {
    return this.#workers.values(this.clock.monotonic());
  }

  async set(key: string, value: string | undefined): Promise<void> {
    if (value === undefined) this.#settings.delete(key);
    else this.#settings.set(key, value);
  }

  async settings(prefix: string): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#settings].filter(([key]) => key.startsWith(prefix)));
  }
}

class MemoryResults extends MemoryStore implements ResultStore {
  readonly #results = new Map<string, TaskResult>();

  constructor(private readonly limit: number) {
    super();
  }

  async save(results: readonly TaskResult[]): Promise<readonly { readonly index: number; readonly error: Error }[]> {
    const now = this.clock.now();
    for (const result of results) {
      if ((this.#results.get(result.id)?.finishedAt ?? 0) > result.finishedAt) continue;
      this.#results.delete(result.id);
      if (lasts(result, now)) this.#results.set(result.id, result);
    }
    for (const id of this.#results.keys()) {
      if (this.#results.size <= this.limit) break;
      this.#results.delete(id);
    }
    return [];
  }

  async find(id: string): Promise<TaskResult | undefined> {
    const now = this.clock.now();
    const result = this.#results.get(id);
    return result && lasts(result, now) ? result : undefined;
  }

  async query(query: ResultQuery): Promise<readonly TaskResult[]> {
    const { queue, status, from = -Infinity, until = Infinity } = query;
    const { limit, skip } = pageOf(query);
    const now = this.clock.now();
    return [...this.#results.values()]
      .filter((result) => lasts(result, now))
      .filter((result) => queue === undefined || result.queue === queue)
      .filter((result) => status === undefined || result.status === status)
      .filter((result) => result.finishedAt >= from && result.finishedAt < until)
      .toSorted((a, b) => b.finishedAt - a.finishedAt)
      .slice(skip, skip + limit);
  }
}

const lasts = ({ expiresAt = Infinity }: TaskResult, now: number): boolean => expiresAt > now;
