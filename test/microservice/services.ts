import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Observable, concat, from, of, throwError } from 'rxjs';
import { FunqContext } from 'nestjs-funq/microservice';
import { signal } from '../nest/support/app.js';

/** What handlers of the present test have seen; a fresh one for each test. */
export class Seen {
  readonly values: unknown[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  add(value: unknown): void {
    this.values.push(value);
    for (const { count, resolve } of this.#waiting) if (this.values.length >= count) resolve();
  }

  /** Resolves when so many were seen. */
  async many(count: number): Promise<unknown[]> {
    if (this.values.length < count) await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    return this.values;
  }
}

@Controller()
export class Sums {
  @MessagePattern({ cmd: 'sum', of: 'numbers' })
  sum(numbers: number[]): number {
    return numbers.reduce((a, b) => a + b, 0);
  }

  @MessagePattern('sum.later')
  async later(numbers: number[]): Promise<number> {
    return this.sum(numbers);
  }

  @MessagePattern('sum as one says/ü')
  observed(numbers: number[]): Observable<number> {
    return of(this.sum(numbers));
  }

  @MessagePattern(42)
  number(): string {
    return 'by a number';
  }

  @MessagePattern('echo')
  echo(data: unknown): unknown {
    return data;
  }

  @MessagePattern('nothing')
  nothing(): void {}

  @MessagePattern('null')
  null(): null {
    return null;
  }

  @MessagePattern('context')
  context(@Payload() data: unknown, @Ctx() context: FunqContext): unknown {
    const { id, attempt, queue } = context.getTask();
    return { data, id, attempt, queue, pattern: context.getPattern(), headers: context.getHeaders() };
  }
}

@Controller()
export class Failures {
  @MessagePattern('fail.text')
  text(): never {
    throw new RpcException('no such user');
  }

  @MessagePattern('fail.data')
  data(): never {
    throw new RpcException({ code: 404, missing: ['user'] });
  }

  @MessagePattern('fail.unknown')
  async unknown(): Promise<never> {
    throw new TypeError('a secret of the service');
  }

  @MessagePattern('fail.after')
  after(): Observable<number> {
    return concat(
      from([1, 2, 3]),
      throwError(() => new RpcException('enough')),
    );
  }
}

@Controller()
export class Streams {
  @MessagePattern('count')
  count(to: number): Observable<number> {
    return from(Array.from({ length: to }, (_, index) => index));
  }

  @MessagePattern('generate')
  async *generate(to: number): AsyncGenerator<number> {
    for (let n = 0; n < to; n++) {
      await new Promise((resolve) => setImmediate(resolve));
      yield n;
    }
  }

  @MessagePattern('empty')
  async *empty(): AsyncGenerator<number> {}
}

/** Handlers that never end by themselves. */
@Controller()
export class Endless {
  readonly seen = new Seen();
  readonly aborted = signal<unknown>();

  readonly open = signal();

  @MessagePattern('gate')
  async gate(): Promise<string> {
    this.seen.add('gate');
    await this.open.promise;
    return 'opened';
  }

  @MessagePattern('wait')
  wait(_data: unknown, @Ctx() context: FunqContext): Promise<never> {
    this.seen.add('wait');
    const ended = context.getSignal();
    return new Promise((_, reject) =>
      ended.addEventListener('abort', () => {
        this.aborted.resolve(ended.reason);
        reject(ended.reason as Error);
      }),
    );
  }

  @MessagePattern('tick')
  tick(): Observable<number> {
    return new Observable((subscriber) => {
      subscriber.next(0);
      return () => this.aborted.resolve('torn down');
    });
  }

  @MessagePattern('generate.ever')
  async *ever(_data: unknown, @Ctx() context: FunqContext): AsyncGenerator<number> {
    try {
      yield 0;
      await new Promise((_, reject) => context.getSignal().addEventListener('abort', reject));
    } finally {
      this.aborted.resolve('returned');
    }
  }
}

@Controller()
export class Events {
  readonly seen = new Seen();
  readonly alsoSeen = new Seen();
  attempts = 0;

  @EventPattern('happened')
  happened(data: unknown): void {
    this.seen.add(data);
  }

  @EventPattern('happened')
  also(data: unknown): Observable<unknown> {
    this.alsoSeen.add(data);
    return of(data);
  }

  @EventPattern('shaky', { retry: 2 })
  shaky(data: unknown): void {
    if (++this.attempts <= 2) throw new Error(`attempt ${this.attempts}`);
    this.seen.add(data);
  }

  @EventPattern('broken', { retry: { times: 1, delay: 1 } })
  broken(data: { readonly good: boolean }): Observable<unknown> {
    this.attempts++;
    if (data.good) this.seen.add(data);
    return data.good ? of(data) : throwError(() => new Error('not today'));
  }
}
