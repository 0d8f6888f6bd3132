import { Injectable } from '@nestjs/common';
import { Consumer } from 'nestjs-funq';
import type { Order } from './order.js';

/** Two queues, each with its own share of the orders. */
@Injectable()
export class BillingService {
  readonly invoiced = new Set<string>();
  readonly taxed = new Set<string>();
  failures = 0;

  /** The printer jams at the first try: the task waits on the server for its second one. */
  @Consumer({ queue: 'invoices', retry: { times: 3, delay: '1500ms' } })
  async invoice({ id }: Order): Promise<void> {
    if (id === 'order-1' && this.failures++ === 0) throw new Error('the printer jams');
    this.invoiced.add(id);
  }

  @Consumer({ queue: 'taxes' })
  async report({ id }: Order): Promise<void> {
    this.taxed.add(id);
  }
}
