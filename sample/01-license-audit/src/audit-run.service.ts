import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { FunqCounters, type ConsumerCounters } from 'nestjs-funq';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditOutcomes } from './audit-outcomes.service.js';
import { AuditPublisher } from './audit-publisher.service.js';
import { LicenseAuditor } from './license-auditor.service.js';
import { installedPackages, type InstalledPackage } from './packages/installed-packages.js';
import { summarise, type Summary } from './summary.js';
import { AuditOptions } from './terminal/options.js';
import { Progress } from './terminal/progress.js';

const PERIOD = 250;
/** Nothing waits and nothing ends for so long: what is still missing has been lost sight of. */
const STALL = 2000;

/** From the list of packages to the moment when every one of them is accounted for. */
@Injectable()
export class AuditRun implements OnModuleDestroy {
  readonly #startedAt = Date.now();
  readonly #stop = new AbortController();
  #published: number | undefined;
  #recovering = false;

  constructor(
    private readonly options: AuditOptions,
    private readonly publisher: AuditPublisher,
    private readonly outcomes: AuditOutcomes,
    private readonly progress: Progress,
    private readonly counters: FunqCounters,
  ) {}

  /** Resolves to nothing when the process is told to stop before. */
  async complete(): Promise<Summary | undefined> {
    try {
      const packages = await installedPackages(this.options.root);
      await this.outcomes.refresh();
      const missing = this.#missing(packages);
      await Promise.all([this.#publish(missing), this.#accounted(packages, packages.length - missing.length)]);
      const { done, failed, filtered } = (await this.#count()).total;
      return summarise(this.options.root, packages, (each) => this.outcomes.of(each), {
        startedAt: this.#startedAt,
        published: this.#published ?? 0,
        executed: done + failed,
        filtered,
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined;
      throw error;
    }
  }

  onModuleDestroy(): void {
    this.#stop.abort();
  }

  async #publish(packages: readonly InstalledPackage[]): Promise<void> {
    this.#published = await this.publisher.publish(packages, this.#stop.signal);
  }

  async #accounted(packages: readonly InstalledPackage[], before: number): Promise<void> {
    let last = { missing: Infinity, at: 0 };
    for (;;) {
      const missing = this.#missing(packages);
      const dead = packages.filter((each) => this.outcomes.of(each)?.reason !== undefined).length;
      const { all, eta, waiting } = await this.#count();
      this.progress.show({
        total: packages.length, ended: packages.length - missing.length, before, dead, rate: all.rate10s, eta,
      }); // prettier-ignore
      if (missing.length === 0) return;
      if (missing.length < last.missing) last = { missing: missing.length, at: Date.now() };
      if (Date.now() - last.at > STALL && waiting === 0) this.#recover(missing);
      await sleep(PERIOD, undefined, { signal: this.#stop.signal });
      await this.outcomes.refresh();
    }
  }

  #missing(packages: readonly InstalledPackage[]): InstalledPackage[] {
    return packages.filter((each) => !this.outcomes.of(each));
  }

  #count(): Promise<ConsumerCounters> {
    return this.counters.of(LicenseAuditor, 'audit');
  }

  #recover(missing: readonly InstalledPackage[]): void {
    if (this.#published === undefined || this.#recovering) return;
    this.#recovering = true;
    const asked = missing.map(async (each) => {
      const outcome = await this.publisher.ask(each);
      if (outcome && !this.outcomes.of(each)) this.outcomes.set(each, outcome);
    });
    void Promise.all(asked).finally(() => (this.#recovering = false));
  }
}
