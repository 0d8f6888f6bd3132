import { Injectable, Logger } from '@nestjs/common';
import { Consumer, CurrentTask, type ConsumerOptions, type Task } from 'nestjs-funq';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIT_QUEUE, AUDIT_TTL, type Audit } from './audit.js';
import { sizeOf } from './packages/installed-packages.js';
import { licenseOf } from './packages/license.js';
import { readManifest } from './packages/manifest.js';
import { AuditOptions } from './terminal/options.js';

@Injectable()
export class LicenseAuditor {
  readonly #logger = new Logger(LicenseAuditor.name);

  constructor(private readonly options: AuditOptions) {}

  /** Audits one package. Its arguments are what the filter compares: with another `changedAt` it is another call. */
  @Consumer(
    ({ rate }: AuditOptions): ConsumerOptions => ({
      queue: AUDIT_QUEUE,
      rate,
      retry: { times: 3, delay: '100ms', factor: 2 },
      timeout: '15s',
      filter: { ttl: AUDIT_TTL, reply: 'cached' },
      persist: 'result',
      maxDeliveries: 100, // Reading a manifest kills no process: it is not the package's fault when many are killed.
    }),
    [AuditOptions],
  )
  async audit(folder: string, changedAt: number, @CurrentTask() { signal }: Task): Promise<Audit> {
    this.#logger.debug(`auditing ${folder}, changed at ${changedAt}`);
    await sleep(this.options.slow, undefined, { signal });
    const manifest = await readManifest(folder, signal);
    return {
      name: manifest.name,
      version: manifest.version,
      ...licenseOf(manifest),
      bytes: await sizeOf(folder, signal),
    };
  }
}
