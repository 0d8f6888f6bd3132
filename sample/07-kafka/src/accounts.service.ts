import { Injectable, Logger } from '@nestjs/common';
import { Consumer } from 'nestjs-funq';

@Injectable()
export class AccountsService {
  readonly #logger = new Logger(AccountsService.name);
  readonly #balances = new Map<string, number>();

  /** One at a time in each process: the bookings of an account are executed in the order in which they were published. */
  @Consumer({ queue: 'bookings', concurrency: 1 })
  async book(account: string, number: number, amount: number): Promise<number> {
    const balance = (this.#balances.get(account) ?? 0) + amount;
    this.#balances.set(account, balance);
    this.#logger.log(`${account} #${number}: ${amount}`);
    return balance;
  }
}
