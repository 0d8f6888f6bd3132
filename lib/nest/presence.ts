import { Inject, Injectable } from '@nestjs/common';
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../contracts/clock.js';
import type { Policy } from '../contracts/policy.js';
import type { WorkerReport } from '../contracts/stores.js';
import { Events } from '../core/events.js';
import { PunctualStore } from '../core/punctual-store.js';
import { FUNQ_CLOCK, FUNQ_COORDINATION } from './funq.tokens.js';

const PERIOD = 5000;
const TTL = 15_000;

/** Tells the coordination store what this process consumes, and notices processes that consume the same otherwise. */
@Injectable()
export class Presence {
  /** How many processes are known to be alive, this one included. */
  processes = 1;
  readonly #warned = new Set<string>();
  #report: WorkerReport | undefined;
  #stop: (() => void) | undefined;
  #beating: Promise<void> | undefined;

  constructor(
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  async start(policies: readonly Policy[]): Promise<void> {
    if (!this.store?.shared || policies.length === 0) return;
    const consumers = Object.fromEntries(
      policies.map((policy) => [`${policy.broker}/${policy.queue}`, fingerprint(policy)]),
    );
    this.#report = { id: randomUUID(), host: hostname(), pid: process.pid, startedAt: this.clock.now(), consumers };
    const beat = (): Promise<void> => (this.#beating ??= this.#beat().finally(() => (this.#beating = undefined)));
    this.#stop = this.clock.every(PERIOD, () => void beat());
    await beat();
  }

  async stop(): Promise<void> {
    this.#stop?.();
    const report = this.#report;
    this.#report = undefined;
    await this.#beating; // A report that is under way would outlive the withdrawal.
    if (report) await this.store?.withdraw(report.id).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    if (!this.#report || !this.store) return;
    try {
      await this.store.report(this.#report, TTL);
      const alive = await this.store.list();
      this.processes = Math.max(1, alive.length);
      for (const other of alive) this.#compare(this.#report, other);
    } catch (error) {
      this.events.emit('storeError', { store: this.store.kind, error });
    }
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

/** The same for the same options; functions count by their text, the concurrency of a process is its own affair. */
function fingerprint({ schema: _schema, concurrency: _concurrency, ...policy }: Policy): string {
  const text = JSON.stringify(policy, (_key, value: unknown) =>
    typeof value === 'function' || typeof value === 'bigint' ? String(value) : value,
  );
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
