import {
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { EMPTY, catchError, defer, delay, from, map, of, throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { boot, dead, done, signal } from '../support/app.js';

@Injectable()
class Returns {
  @Consumer()
  plain(): number {
    return 1;
  }
  @Consumer()
  async promised(): Promise<number> {
    return 2;
  }
  @Consumer()
  nothing(): void {}
  @Consumer()
  nil(): null {
    return null;
  }
  @Consumer()
  observable(): Observable<number> {
    return of(3);
  }
  @Consumer()
  last(): Observable<number> {
    return from([1, 2, 4]).pipe(delay(0));
  }
  @Consumer()
  empty(): Observable<never> {
    return EMPTY;
  }
  @Consumer()
  async later(): Promise<Observable<number>> {
    return of(5);
  }
  @Consumer()
  thenable(): PromiseLike<number> {
    const six = Promise.resolve(6);
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library
    return { then: (yes, no) => six.then(yes, no) };
  }
  @Consumer({ retry: 1 })
  failing(): Observable<never> {
    return throwError(() => new Error('from within'));
  }
}

class Doubling implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => (typeof value === 'number' ? 2 * value : value)));
  }
}

const cases = [
  ['plain', 1],
  ['promised', 2],
  ['nothing', undefined],
  ['nil', null],
  ['observable', 3],
  ['last', 4],
  ['empty', undefined],
  ['later', 5],
  ['thenable', 6],
] as const;

describe("a method's result", () => {
  it.each(cases)('%s', async (method, expected) => {
    const { funq, events } = await boot({ providers: [Returns] });
    expect((await done(events, () => funq.publish(`Returns.${method}`))).value).toBe(expected);
    expect(await funq.ask(`Returns.${method}`)).toBe(expected);
  });

  it.each(cases)('%s, through controls and interceptors', async (method, expected) => {
    const { funq } = await boot(
      { providers: [Returns, { provide: APP_INTERCEPTOR, useClass: Doubling }] },
      { defaults: { timeout: '1h', retry: 1 } },
    );
    expect(await funq.ask(`Returns.${method}`)).toBe(typeof expected === 'number' ? 2 * expected : expected);
  });

  it.each([{}, { defaults: { timeout: '1h' } }])('is a failure when its observable fails', async (options) => {
    const { funq, events } = await boot({ providers: [Returns] }, options);
    const { letter, task } = await dead(events, () => funq.to(Returns).failing());
    expect([letter.reason, task?.attempt]).toEqual(['from within', 2]);
  });
});

describe('an interceptor', () => {
  it('that answers from a cache without calling the method ends the task well', async () => {
    let runs = 0;
    @Injectable()
    class Slow {
      @Consumer({ retry: 2, timeout: '1s' })
      run(): number {
        return ++runs;
      }
    }
    const cache = { intercept: (): Observable<string> => of('cached') };
    const { funq, events } = await boot({ providers: [Slow, { provide: APP_INTERCEPTOR, useValue: cache }] });
    expect((await done(events, () => funq.to(Slow).run())).value).toBe('cached');
    expect([await funq.ask(Slow).run(), runs]).toEqual(['cached', 0]);
  });

  it.each([{}, { defaults: { retry: 1 } }])(
    'that ends without a value fails the task, as in all of Nest',
    async (options) => {
      const silence = { intercept: (): Observable<never> => EMPTY };
      @Injectable()
      class Quiet {
        @Consumer()
        outer(): number {
          return 1;
        }
        @UseInterceptors(silence)
        @Consumer()
        inner(): number {
          return 1;
        }
      }
      const own = await boot({ providers: [Quiet] }, options);
      const { letter } = await dead(own.events, () => own.funq.to(Quiet).inner());
      const all = await boot({ providers: [Quiet, { provide: APP_INTERCEPTOR, useValue: silence }] }, options);
      const { letter: other } = await dead(all.events, () => all.funq.to(Quiet).outer());
      expect([letter.reason, other.reason]).toEqual(['no elements in sequence', 'no elements in sequence']);
    },
  );

  it('of the class that turns an error into a value has the last word, after the retries', async () => {
    let runs = 0;
    const rescue: NestInterceptor = {
      intercept: (_context, next) => next.handle().pipe(catchError(() => of('rescued'))),
    };
    @Injectable()
    @UseInterceptors(rescue)
    class Rescued {
      @Consumer({ retry: 2 })
      run(): never {
        runs++;
        throw new Error('no');
      }
    }
    const { funq } = await boot({ providers: [Rescued] });
    expect([await funq.ask(Rescued).run(), runs]).toEqual(['rescued', 3]);
  });

  it('of the method sees every attempt, and may rescue the first', async () => {
    let runs = 0;
    const attempts: number[] = [];
    const rescue: NestInterceptor = {
      intercept(context, next) {
        attempts.push(context.getArgByIndex<{ attempt: number }>(0).attempt);
        return next.handle().pipe(catchError((error: unknown) => (runs > 2 ? of('rescued') : throwError(() => error))));
      },
    };
    @Injectable()
    class Rescued {
      @UseInterceptors(rescue)
      @Consumer({ retry: 9 })
      run(): never {
        runs++;
        throw new Error('no');
      }
    }
    const { funq } = await boot({ providers: [Rescued] });
    expect([await funq.ask(Rescued).run(), attempts]).toEqual(['rescued', [1, 2, 3]]);
  });

  it('that throws, or whose observable fails, fails the task', async () => {
    for (const intercept of [
      () => {
        throw new Error('thrown');
      },
      () => throwError(() => new Error('thrown')),
      () => defer(async () => Promise.reject(new Error('thrown'))),
    ]) {
      @Injectable()
      @UseInterceptors({ intercept })
      class Any {
        @Consumer({ retry: 3 })
        run(): void {}
      }
      const { funq, events } = await boot({ providers: [Any] });
      const { letter, task } = await dead(events, () => funq.to(Any).run());
      expect([letter.reason, letter.code, task?.attempt]).toEqual(['thrown', 'failed', 1]);
    }
  });
});

describe('what is thrown', () => {
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'thrown value: undefined'],
    ['null', null, 'thrown value: null'],
    ['a text', 'text', 'thrown value: text'],
    ['a frozen object', Object.freeze({ a: 1 }), 'thrown value: {"a":1}'],
    ['an object without prototype', Object.create(null), 'thrown value: {}'],
  ])('may be %s', async (_name, thrown, reason) => {
    @Injectable()
    class Throws {
      @Consumer({ retry: 1 })
      async run(): Promise<never> {
        throw thrown;
      }
    }
    const { funq, events } = await boot({ providers: [Throws] });
    const { letter, task } = await dead(events, () => funq.to(Throws).run());
    expect([letter.reason, letter.errors.length, task?.attempt]).toEqual([reason, 2, 2]);
    await expect(funq.ask(Throws).run()).rejects.toMatchObject({ message: reason });
  });

  it('late and by nobody awaited changes nothing', async () => {
    const over = signal();
    @Injectable()
    class Late {
      @Consumer()
      run(): string {
        setImmediate(() => void Promise.reject(new Error('late')).catch(() => over.resolve()));
        return 'done';
      }
    }
    const { funq } = await boot({ providers: [Late] });
    expect(await funq.ask(Late).run()).toBe('done');
    await over.promise;
  });
});
