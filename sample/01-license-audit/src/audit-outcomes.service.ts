import { Inject, Injectable } from '@nestjs/common';
import { FUNQ_CODEC, InjectStore, type Codec, type ResultStore, type TaskResult } from 'nestjs-funq';
import { AUDIT_QUEUE, AUDIT_TTL, type Audit, type Outcome } from './audit.js';
import type { InstalledPackage } from './packages/installed-packages.js';

const PAGE = 1000;
/** Processes write their results in batches: a record may appear this long after its `finishedAt`. */
const LATE = 10_000;

/** How the packages' tasks ended, read from the results store: whichever process ran them, in this run or an earlier one. */
@Injectable()
export class AuditOutcomes {
  readonly #outcomes = new Map<string, Outcome>();
  #readUntil = -Infinity;

  constructor(
    @InjectStore('results') private readonly results: ResultStore,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {}

  of({ folder, changedAt }: InstalledPackage): Outcome | undefined {
    return this.#outcomes.get(keyOf([folder, changedAt]));
  }

  set({ folder, changedAt }: InstalledPackage, outcome: Outcome): void {
    this.#outcomes.set(keyOf([folder, changedAt]), outcome);
  }

  /** Reads what is new; the first time all that still counts. */
  async refresh(): Promise<void> {
    const now = Date.now();
    const from = Math.max(this.#readUntil - LATE, now - AUDIT_TTL);
    // Done last: an audit that succeeded counts, whatever became of a second copy of its task.
    for (const status of ['dead', 'done'] as const) {
      for (let skip = 0, read = PAGE; read === PAGE; skip += PAGE) {
        const page = await this.results.query({ queue: AUDIT_QUEUE, status, from, skip, limit: PAGE });
        for (const result of page) this.#note(result);
        read = page.length;
      }
    }
    this.#readUntil = now;
  }

  #note({ args, value, reason, finishedAt }: TaskResult): void {
    if (!args) return;
    const key = keyOf(this.codec.decodeValue(args));
    if (this.#outcomes.get(key)?.audit) return;
    const outcome = value
      ? { audit: this.codec.decodeValue(value) as Audit }
      : { reason: reason ?? 'no reason was kept' };
    this.#outcomes.set(key, { ...outcome, finishedAt });
  }
}

function keyOf(args: unknown): string {
  return JSON.stringify(args);
}
