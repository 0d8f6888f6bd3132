import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Consumer, FunqPublisher } from 'nestjs-funq';
import { Invoice } from './invoice.schema.js';

@Injectable()
export class InvoiceService {
  constructor(
    @InjectModel(Invoice.name) private readonly invoices: Model<Invoice>,
    private readonly funq: FunqPublisher,
  ) {}

  /** Stores an invoice, and has it sent by whichever process has time. */
  async write(customer: string, amount: number): Promise<string> {
    const invoice = await this.invoices.create({ customer, amount });
    await this.funq.to(InvoiceService).send(invoice.id as string);
    return invoice.id as string;
  }

  /** At most 50 a second from all processes together. What it returns is kept for a day. */
  @Consumer({
    queue: 'invoices',
    rate: { starts: 50, scope: 'shared' },
    retry: { times: 2, delay: 100 },
    persist: { result: true, ttl: '1d' },
  })
  async send(id: string): Promise<string> {
    const invoice = await this.invoices.findById(id);
    if (!invoice) throw new Error(`there is no invoice ${id}`);
    if (invoice.amount < 0) throw new Error(`invoice ${id} asks for ${invoice.amount}`);
    await invoice.updateOne({ sentAt: new Date() });
    return `${invoice.customer} owes ${(invoice.amount / 100).toFixed(2)}`;
  }

  sent(): Promise<number> {
    return this.invoices.countDocuments({ sentAt: { $exists: true } });
  }
}
