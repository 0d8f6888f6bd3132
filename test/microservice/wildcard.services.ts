import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { FunqContext } from 'nestjs-funq/microservice';
import { signal } from '../nest/support/app.js';
import { Seen } from './services.js';

/** Notes what its handlers got: who, as which pattern, and what. */
class Noting {
  readonly seen = new Seen();

  protected note(by: string, data: unknown, context: FunqContext): void {
    this.seen.add([by, context.getPattern(), data]);
  }
}

@Controller()
export class Anything extends Noting {
  @EventPattern<string>('order.*')
  one(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.*', data, context);
  }

  @EventPattern<string>('order.#')
  many(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.#', data, context);
  }

  @EventPattern<string>('*.created')
  created(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('*.created', data, context);
  }

  @EventPattern<string>('order.created')
  plain(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.created', data, context);
  }

  @EventPattern<string>('#')
  all(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('#', data, context);
  }
}

/** Of two handlers that get the same event one fails. */
@Controller()
export class Failing extends Noting {
  broken = true;

  @EventPattern<string>('order.*', { retry: { times: 2, delay: 1100 } })
  shaky(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.*', data, context);
    if (context.getTask().attempt < 2) throw new Error('not yet');
  }

  @EventPattern<string>('bill.*', { retry: 0 })
  fails(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('bill.*', data, context);
    if (this.broken) throw new Error('never');
  }

  @EventPattern<string>('*.paid')
  paid(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('*.paid', data, context);
  }
}

@Controller()
export class Gathering extends Noting {
  @EventPattern<string>('order.*')
  one(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.*', data, context);
  }
}

@Controller()
export class Plain extends Noting {
  @EventPattern<string>('order.created')
  created(@Payload() data: unknown, @Ctx() context: FunqContext): void {
    this.note('order.created', data, context);
  }
}

@Controller()
export class Answering extends Noting {
  /** Until then neither prices nor counts are told. */
  readonly open = signal();

  @MessagePattern('price.*')
  async price(@Payload() data: unknown, @Ctx() context: FunqContext): Promise<string> {
    this.note('price.*', data, context);
    await this.open.promise;
    return `${context.getPattern()} of ${String(data)}`;
  }

  @MessagePattern('count.*')
  async *count(@Payload() to: number, @Ctx() context: FunqContext): AsyncGenerator<unknown> {
    yield context.getPattern();
    await this.open.promise;
    for (let n = 0; n < to; n++) yield n;
  }
}

/** Gets some of what {@link Answering} gets, too. */
@Controller()
export class Pricing extends Noting {
  /** Until then nothing is counted. */
  readonly open = signal();

  @MessagePattern('price.pear')
  price(@Payload() data: unknown, @Ctx() context: FunqContext): string {
    this.note('price.pear', data, context);
    return 'at once';
  }

  @MessagePattern('count.both')
  async *count(@Payload() to: number): AsyncGenerator<unknown> {
    await this.open.promise;
    yield 'other';
    for (let n = 0; n < to; n++) yield -n;
  }
}
