import { Module, type DynamicModule } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination, sqliteResults } from 'nestjs-funq/stores/sqlite';
import { join } from 'node:path';
import { AuditOutcomes } from './audit-outcomes.service.js';
import { AuditPublisher } from './audit-publisher.service.js';
import { AuditRun } from './audit-run.service.js';
import { LicenseAuditor } from './license-auditor.service.js';
import { AuditOptions } from './terminal/options.js';
import { Progress } from './terminal/progress.js';

@Module({})
export class AppModule {
  /** Queue, filter and results share one file; any number of processes may work on it. */
  static register(options: AuditOptions, progress: Progress): DynamicModule {
    const file = join(options.data, 'audit.db');
    return {
      module: AppModule,
      imports: [
        FunqModule.forRoot({
          brokers: { default: sqlite({ file }) },
          stores: { coordination: sqliteCoordination({ file }), results: sqliteResults({ file }) },
        }),
      ],
      providers: [
        { provide: AuditOptions, useValue: options },
        { provide: Progress, useValue: progress },
        LicenseAuditor,
        AuditPublisher,
        AuditOutcomes,
        AuditRun,
      ],
    };
  }
}
