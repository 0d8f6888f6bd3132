import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'pg';

const connectionString = process.env['DATABASE_URL'];
if (!connectionString) throw new Error('set DATABASE_URL, such as postgres://user:password@localhost:5432/shop');

/** The app's own pool, which funq uses, too. */
export const pool = new Pool({ connectionString, connectionTimeoutMillis: 5000, statement_timeout: 10_000 });

@Global()
@Module({ providers: [{ provide: Pool, useValue: pool }], exports: [Pool] })
export class DatabaseModule implements OnApplicationShutdown {
  /** After funq's brokers and stores, which leave it open. */
  async onApplicationShutdown(): Promise<void> {
    await pool.end();
  }
}
