import { Inject, Injectable } from '@nestjs/common';
import { Consumer, FUNQ_CLOCK, FunqPublisher, type Clock } from 'nestjs-funq';
import { Bank } from './bank.js';
import { Customers } from './customers.js';

@Injectable()
export class BillingService {
  constructor(
    private readonly customers: Customers,
    private readonly bank: Bank,
    private readonly funq: FunqPublisher,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
  ) {}

  /** On the first of each month at six o'clock in Berlin: one task for each customer. */
  @Consumer({ queue: 'billing', schedule: { cron: '0 6 1 * *', timeZone: 'Europe/Berlin' } })
  async billEveryone(): Promise<void> {
    const month = new Date(this.clock.now()).toISOString().slice(0, 7);
    for (const customer of this.customers.all()) await this.funq.to(BillingService).charge(customer, month);
  }

  /** The bank takes two requests a second, hangs at times, and is away for an hour now and then. */
  @Consumer({ queue: 'charges', rate: 2, timeout: '10s', retry: { times: 4, delay: '10m', factor: 2 } })
  async charge(customer: string, month: string): Promise<string> {
    return this.bank.debit(customer, month);
  }

  /** Every morning; one who reads it a day late has no use for it. */
  @Consumer({ queue: 'digest', expire: '12h', schedule: { cron: '0 7 * * *', timeZone: 'Europe/Berlin' } })
  async digest(): Promise<string> {
    return `${this.customers.all().length} customers`;
  }
}
