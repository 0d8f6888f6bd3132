import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../contracts/clock.js';
import type { Policy } from '../contracts/policy.js';
import type { WorkerReport } from '../contracts/stores.js';
import { Counters } from '../core/counters/counters.js';
import { Events } from '../core/events.js';
import { PunctualStore } from '../core/punctual-store.js';
import { Shares } from '../core/rates/shares.js';
import { FUNQ_CLOCK, FUNQ_COORDINATION } from './funq.tokens.js';

const PERIOD = 5000;
const TTL = 15_000;
/** How long, in milliseconds, what the store told of others is used again when somebody asks. */
const FRESH = 1000;
/** A newcomer looks more often whether the others have made room for it. */
const IMPATIENT = 1000;

/** Tells the coordination store what this process consumes, and notices processes that consume the same otherwise. */
@Injectable()
export class Presence {
  /** How many processes are known to be alive, this one included. */
  processes = 1;
  readonly #id = randomUUID();
  readonly #warned = new Set<string>();
  #policies: readonly Policy[] = [];
  #report: WorkerReport | undefined;
  #alive: Promise<readonly WorkerReport[]> = Promise.resolve([]);
  #freshUntil = -Infinity;
  #shares: Shares | undefined;
  /** Some consumer has a split limit. */
  #split = false;
  #impatient = false;
  /** When the store was last asked, in vain or not. */
  #asked = -Infinity;
  #stop: (() => void) | undefined;
  #cancelNext: (() => void) | undefined;
  #beating: Promise<void> | undefined;

  constructor(
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    private readonly events: Events,
    private readonly counters: Counters,
  ) {}

  async start(policies: readonly Policy[]): Promise<void> {
    if (!this.store?.shared || policies.length === 0) return;
    const consumers = Object.fromEntries(policies.map((policy) => [consumerKey(policy), fingerprint(policy)]));
    this.#policies = policies;
    this.#report = { id: this.#id, host: hostname(), pid: process.pid, startedAt: this.clock.now(), consumers };
    this.#shares = new Shares(Object.keys(consumers));
    this.#split = policies.some(({ rate }) => rate?.scope === 'split');
    this.#stop = this.clock.every(PERIOD, () => void this.#look());
    await this.#look();
  }

  /**
   * What a split limit of the consumer is divided by; a promise of another chance to ask while this process has no share yet, or
   * stood still for so long that the others may have divided without it.
   */
  share(policy: Policy): number | Promise<unknown> {
    if (!this.#shares) return 1;
    if (this.clock.monotonic() - this.#asked > TTL) this.#shares.forfeit();
    return this.#shares.partsOf(consumerKey(policy)) ?? this.#shares.changed();
  }

  /** What the other live processes last told, five seconds ago at most; none without a shared store, or when it is away. */
  async others(): Promise<readonly WorkerReport[]> {
    if (!this.store?.shared) return [];
    if (this.clock.monotonic() >= this.#freshUntil) {
      this.#freshUntil = Infinity;
      this.#alive = this.#list(this.store).finally(() => (this.#freshUntil = this.clock.monotonic() + FRESH));
    }
    return (await this.#alive).filter(({ id }) => id !== this.#id);
  }

  async stop(): Promise<void> {
    this.#stop?.();
    this.#cancelNext?.();
    const report = this.#report;
    this.#report = undefined;
    await this.#beating; // A report that is under way would outlive the withdrawal.
    if (report) await this.store?.withdraw(report.id).catch(() => undefined);
  }

  #look(): Promise<void> {
    return (this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
      this.#cancelNext?.();
      if (this.#report && this.#impatient)
        this.#cancelNext = this.clock.after(IMPATIENT, () => void this.#look(), true);
    }));
  }

  async #beat(): Promise<void> {
    const [report, shares, store] = [this.#report, this.#shares, this.store];
    if (!report || !shares || !store) return;
    if (this.clock.monotonic() - this.#asked > TTL) shares.forfeit();
    const announce = (): Promise<void> =>
      store.report({ ...report, loads: this.#loads(), parts: shares.announced }, TTL);
    try {
      await announce();
      const alive = await store.list();
      this.processes = Math.max(1, alive.length);
      if (shares.look(alive.filter(({ id }) => id !== report.id))) await announce();
      this.#impatient = this.#split && !shares.admitted;
      for (const other of alive) this.#compare(report, other);
    } catch (error) {
      this.#impatient = false;
      this.events.emit('storeError', { store: store.kind, error });
    } finally {
      this.#asked = this.clock.monotonic();
    }
  }

  async #list(store: PunctualStore): Promise<readonly WorkerReport[]> {
    try {
      return await store.list();
    } catch (error) {
      this.events.emit('storeError', { store: store.kind, error });
      return [];
    }
  }

  #loads(): NonNullable<WorkerReport['loads']> {
    return Object.fromEntries(
      this.#policies.map((policy) => [consumerKey(policy), this.counters.of(policy.broker, policy.queue).load]),
    );
  }

  #compare(own: WorkerReport, other: WorkerReport): void {
    for (const [name, hash] of Object.entries(own.consumers)) {
      const theirs = other.consumers[name];
      if (theirs === undefined || theirs === hash || this.#warned.has(`${other.id}/${name}`)) continue;
      this.#warned.add(`${other.id}/${name}`);
      this.events.emit('mismatch', { queue: name, host: other.host, pid: other.pid });
    }
  }
}

/** A consumer's key in reports. */
export function consumerKey({ broker, queue }: Policy): string {
  return `${broker}/${queue}`;
}

/** The same for the same options; functions count by their text, the concurrency of a process is its own affair. */
function fingerprint({ schema: _schema, concurrency: _concurrency, ...policy }: Policy): string {
  const text = JSON.stringify(policy, (_key, value: unknown) =>
    typeof value === 'function' || typeof value === 'bigint' ? String(value) : value,
  );
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
