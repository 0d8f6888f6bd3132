import { Injectable } from '@nestjs/common';
import { FunqPublisher, FunqRemoteError, InjectStore, type CoordinationStore } from 'nestjs-funq';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIT_TTL, type Outcome } from './audit.js';
import { LicenseAuditor } from './license-auditor.service.js';
import type { InstalledPackage } from './packages/installed-packages.js';

const CHUNK = 500;
/** How long a process that was killed while it published holds up the others, in milliseconds. */
const LEASE = 5000;

@Injectable()
export class AuditPublisher {
  readonly #owner = randomUUID();

  constructor(
    private readonly funq: FunqPublisher,
    @InjectStore('coordination') private readonly marks: CoordinationStore,
  ) {}

  /**
   * Publishes one task for each package, but for those whose task was published within the hour, by an earlier run or by
   * another process. They are marked after publishing: a process killed in between costs a second task, which is filtered.
   */
  async publish(packages: readonly InstalledPackage[], signal: AbortSignal): Promise<number> {
    const tasks = this.funq.to(LicenseAuditor);
    let published = 0;
    for (let at = 0; at < packages.length; at += CHUNK) {
      const fresh: InstalledPackage[] = [];
      for (const each of packages.slice(at, at + CHUNK)) if (await this.#isFresh(each, signal)) fresh.push(each);
      await Promise.all(fresh.map(({ folder, changedAt }) => tasks.audit(folder, changedAt)));
      for (const each of fresh) await this.marks.confirm(markOf(each), this.#owner, AUDIT_TTL);
      published += fresh.length;
    }
    return published;
  }

  /**
   * Asks what became of a package. When it was audited, but the process was killed before its result was in the store, the
   * filter answers with what it kept; when its task is lost, it is audited now.
   */
  async ask({ folder, changedAt }: InstalledPackage): Promise<Outcome | undefined> {
    try {
      const audit = await this.funq.ask(LicenseAuditor).audit(folder, changedAt);
      return { audit, finishedAt: Date.now() };
    } catch (error) {
      return error instanceof FunqRemoteError ? { reason: error.message, finishedAt: Date.now() } : undefined;
    }
  }

  /** Waits for a process that is about to publish the same. */
  async #isFresh(each: InstalledPackage, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const { state } = await this.marks.claim(markOf(each), this.#owner, LEASE);
      if (state !== 'running') return state === 'claimed';
      await sleep(50, undefined, { signal });
    }
  }
}

function markOf({ folder, changedAt }: InstalledPackage): string {
  return `published:${folder}:${changedAt}`;
}
