import { Inject, Injectable } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom, toArray } from 'rxjs';
import type { Order } from '../shop.js';

export const SHOP = Symbol('shop');

@Injectable()
export class Customer {
  constructor(@Inject(SHOP) private readonly shop: ClientProxy) {}

  price(items: readonly string[]): Promise<number> {
    return lastValueFrom(this.shop.send<number>({ cmd: 'price' }, items));
  }

  track(id: string): Promise<string[]> {
    return lastValueFrom(this.shop.send<string>('order.track', id).pipe(toArray()));
  }

  /** Resolves when the broker holds the event, whether a worker runs or not. */
  async place(order: Order): Promise<void> {
    await lastValueFrom(this.shop.emit('order.placed', order));
  }
}
