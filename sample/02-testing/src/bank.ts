import { Injectable } from '@nestjs/common';

/** The bank as the shop knows it. Tests put another one in its place. */
@Injectable()
export class Bank {
  /** Resolves to the receipt. */
  async debit(customer: string, month: string): Promise<string> {
    return `receipt-${customer}-${month}`;
  }
}
