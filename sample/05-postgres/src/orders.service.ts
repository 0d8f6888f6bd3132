import { Injectable, type OnModuleInit } from '@nestjs/common';
import { FunqPublisher } from 'nestjs-funq';
import { Pool } from 'pg';
import { MailsService } from './mails.service.js';

@Injectable()
export class OrdersService implements OnModuleInit {
  constructor(
    private readonly pool: Pool,
    private readonly funq: FunqPublisher,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.pool.query(
      'CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, pieces integer NOT NULL CHECK (pieces < 9), mailed timestamptz)',
    );
  }

  /** Stores the order and the task to confirm it, or neither. */
  async place(id: string, pieces: number): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await this.funq.to(MailsService, { transaction: client }).confirm(id);
      await client.query('INSERT INTO orders (id, pieces) VALUES ($1, $2)', [id, pieces]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  async mailed(): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      'SELECT id FROM orders WHERE mailed IS NOT NULL ORDER BY id',
    );
    return rows.map(({ id }) => id);
  }
}
