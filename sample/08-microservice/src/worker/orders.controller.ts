import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Logger } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { currentTask } from 'nestjs-funq';
import type { FunqContext } from 'nestjs-funq/microservice';
import { PRICES, type Order } from '../shop.js';

@Controller()
export class OrdersController {
  readonly #logger = new Logger('Orders');

  /** A question with one answer. */
  @MessagePattern({ cmd: 'price' })
  price(items: readonly string[]): number {
    return items.reduce((total, item) => {
      const price = PRICES[item];
      if (price === undefined) throw new RpcException(`there is no ${item}`);
      return total + price;
    }, 0);
  }

  /** A question with many: each value reaches the caller as it comes. */
  @MessagePattern('order.track')
  async *track(@Payload() id: string, @Ctx() context: FunqContext): AsyncGenerator<string> {
    for (const state of ['packed', 'shipped', 'delivered']) {
      await sleep(20, undefined, { signal: context.getSignal() });
      yield `${id} ${state}`;
    }
  }

  /** The mail server refuses the first try, as they do; the event is acknowledged when it was handled. */
  @EventPattern('order.placed', { retry: { times: 3, delay: '100ms' }, rate: 50 })
  placed(order: Order): void {
    const { attempt } = currentTask()!;
    if (attempt === 1) throw new Error('the mail server is busy');
    this.#logger.log(`mailed ${order.customer} about order ${order.id} at attempt ${attempt}`);
  }
}
