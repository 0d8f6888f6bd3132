import { Injectable, Logger } from '@nestjs/common';
import { Consumer } from 'nestjs-funq';
import { Pool } from 'pg';

@Injectable()
export class MailsService {
  readonly #log = new Logger('mails');

  constructor(private readonly pool: Pool) {}

  /** No two mails for one order, however often it is asked for; again after a minute when the mail server is away. */
  @Consumer({ queue: 'mails', rate: 50, retry: { times: 5, delay: '1m' }, filter: { ttl: '30d' }, persist: 'status' })
  async confirm(order: string): Promise<void> {
    const { rowCount } = await this.pool.query('UPDATE orders SET mailed = now() WHERE id = $1', [order]);
    if (rowCount === 0) throw new Error(`there is no order ${order}`);
    this.#log.log(`mail for ${order}`);
  }
}
