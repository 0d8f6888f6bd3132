import type { Observable } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import {
  Consumer,
  CurrentTask,
  type FunqPublisher,
  type TaskArguments,
  type Task,
  type TaskResultOf,
} from 'nestjs-funq';

declare const funq: FunqPublisher;

interface Forecast {
  readonly degrees: number;
}

declare class Weather {
  readonly station: string;
  count: number;
  callback?: () => void;
  #hidden(): void;
  private secret(): void;
  protected inner(): void;
  forecast(city: string, day?: string): Promise<Forecast>;
  sync(a: number): number;
  stream(a: number): Observable<string>;
  later(): Promise<Observable<Date>>;
  nothing(): void;
  many(first: string, ...rest: number[]): string[];
  union(value: string | number | null): boolean;
  anything(value: any, other: unknown): any; // oxlint-disable-line typescript/no-explicit-any
  object(options: { deep: { list: readonly string[] } }): Promise<void>;
  tuple(...pair: [string, number?]): void;
  generic<T>(value: T): T;
}

declare class Tasked {
  only(task: Task): string;
  first(task: Task, a: string, b?: number): string;
  middle(a: string, task: Task, b: number): string;
  last(a: string, b: number, task: Task): string;
  optional(a: string, task?: Task, b?: number): string;
  lastOptional(a?: string, task?: Task): string;
  twice(one: Task, a: string, two: Task): string;
  rest(a: string, task: Task, ...rest: number[]): string;
  any(task: Task, value: any): string; // oxlint-disable-line typescript/no-explicit-any
  never(task: Task, value: never): string;
  unknown(task: Task, value: unknown): string;
  union(task: Task | undefined, a: string): string;
}

describe('to()', () => {
  const weather = funq.to(Weather);

  test('takes the arguments of the method, and gives the id', () => {
    expectTypeOf(weather.forecast).parameters.toEqualTypeOf<[city: string, day?: string]>();
    expectTypeOf(weather.forecast).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(weather.nothing).parameters.toEqualTypeOf<[]>();
    expectTypeOf(weather.many).parameters.toEqualTypeOf<[first: string, ...rest: number[]]>();
    expectTypeOf(weather.union).parameters.toEqualTypeOf<[value: string | number | null]>();
    expectTypeOf(weather.object).parameters.toEqualTypeOf<[options: { deep: { list: readonly string[] } }]>();
    expectTypeOf(weather.tuple).parameters.toEqualTypeOf<[string, number?]>();
    expectTypeOf(weather.sync).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(weather.stream).returns.toEqualTypeOf<Promise<string>>();
  });

  test('leaves arguments typed any and unknown as they are', () => {
    // oxlint-disable-next-line typescript/no-explicit-any
    expectTypeOf(weather.anything).parameters.toEqualTypeOf<[value: any, other: unknown]>();
    void weather.anything(1, 'x');
  });

  test('does not compile with wrong arguments', () => {
    // @ts-expect-error a number is no city
    void weather.forecast(5);
    // @ts-expect-error the city is missing
    void weather.forecast();
    // @ts-expect-error one too many
    void weather.forecast('Wuhan', 'today', 'x');
    // @ts-expect-error the wrong type deep within
    void weather.object({ deep: { list: [1] } });
    // @ts-expect-error a rest of texts
    void weather.many('a', 'b');
  });

  test('does not compile with what is no public method', () => {
    // @ts-expect-error no such method
    void weather.forcast('Wuhan');
    // @ts-expect-error a property
    void weather.station;
    // @ts-expect-error a property
    void weather.count;
    // @ts-expect-error private
    void weather.secret();
    // @ts-expect-error protected
    void weather.inner();
    // @ts-expect-error not awaitable in itself: no then
    void weather.then;
  });

  test('does not compile with an instance, or with a value that is no class', () => {
    // @ts-expect-error an instance
    void funq.to({} as Weather);
    // @ts-expect-error a name has no methods
    void funq.to('weather');
  });
});

describe('@CurrentTask() takes no place', () => {
  test('wherever it stands', () => {
    const tasked = funq.to(Tasked);
    expectTypeOf(tasked.only).parameters.toEqualTypeOf<[]>();
    expectTypeOf(tasked.first).parameters.branded.toEqualTypeOf<[a: string, b?: number]>();
    expectTypeOf(tasked.middle).parameters.branded.toEqualTypeOf<[a: string, b: number]>();
    expectTypeOf(tasked.last).parameters.branded.toEqualTypeOf<[a: string, b: number]>();
    expectTypeOf(tasked.optional).parameters.branded.toEqualTypeOf<[a: string, b?: number]>();
    expectTypeOf(tasked.lastOptional).parameters.branded.toEqualTypeOf<[a?: string]>();
    expectTypeOf(tasked.twice).parameters.branded.toEqualTypeOf<[a: string]>();
    expectTypeOf(tasked.rest).parameters.branded.toEqualTypeOf<[a: string, ...rest: number[]]>();
    // oxlint-disable-next-line typescript/no-explicit-any
    expectTypeOf(tasked.any).parameters.branded.toEqualTypeOf<[value: any]>();
    expectTypeOf(tasked.unknown).parameters.branded.toEqualTypeOf<[value: unknown]>();
  });

  test('calls compile, and others do not', () => {
    const tasked = funq.to(Tasked);
    void tasked.only();
    void tasked.first('a');
    void tasked.first('a', 1);
    void tasked.middle('a', 1);
    void tasked.last('a', 1);
    void tasked.optional('a');
    void tasked.optional('a', 2);
    void tasked.lastOptional();
    void tasked.rest('a', 1, 2, 3);
    void tasked.any(3);
    // @ts-expect-error b is missing
    void tasked.middle('a');
    // @ts-expect-error the task is not given
    void tasked.only({} as Task);
    // @ts-expect-error a text is no number
    void tasked.optional('a', 'b');
  });

  test('in the helper type', () => {
    expectTypeOf<TaskArguments<[Task]>>().toEqualTypeOf<[]>();
    expectTypeOf<TaskArguments<[]>>().toEqualTypeOf<[]>();
    expectTypeOf<TaskArguments<[string, number?]>>().toEqualTypeOf<[string, number?]>();
    expectTypeOf<TaskArguments<string[]>>().toEqualTypeOf<string[]>();
    // oxlint-disable-next-line typescript/no-explicit-any
    expectTypeOf<TaskArguments<any[]>>().toEqualTypeOf<any[]>();
  });
});

describe('ask()', () => {
  const weather = funq.ask(Weather);

  test('gives what the method gives, behind a promise or an observable', () => {
    expectTypeOf(weather.forecast).returns.toEqualTypeOf<Promise<Forecast>>();
    expectTypeOf(weather.sync).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(weather.stream).returns.toEqualTypeOf<Promise<string>>();
    expectTypeOf(weather.later).returns.toEqualTypeOf<Promise<Date>>();
    expectTypeOf(weather.nothing).returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf(weather.anything).returns.resolves.toBeAny();
    expectTypeOf(funq.ask(Tasked).middle('a', 1)).resolves.toEqualTypeOf<string>();
    expectTypeOf<TaskResultOf<Promise<Observable<number>>>>().toEqualTypeOf<number>();
  });

  test('by name gives something unknown', () => {
    expectTypeOf(funq.ask('weather', ['Wuhan'])).toEqualTypeOf<Promise<unknown>>();
  });
});

describe('publishing by name', () => {
  test('gives ids', () => {
    expectTypeOf(funq.publish('weather', ['Wuhan'], { id: 'x' })).toEqualTypeOf<Promise<string>>();
    expectTypeOf(funq.publishMany('weather', [['Wuhan'], ['Shenzhen']])).toEqualTypeOf<Promise<string[]>>();
    void funq.publishMany('weather', new Set([['Wuhan']] as const));
    // @ts-expect-error the arguments are a list
    void funq.publish('weather', 'Wuhan');
    // @ts-expect-error each has a list of its own
    void funq.publishMany('weather', ['Wuhan']);
    // @ts-expect-error they can't all have one id
    void funq.publishMany('weather', [[]], { id: 'x' });
  });
});

describe('the decorators', () => {
  test('fit real classes', () => {
    class Real {
      @Consumer({ queue: 'real', retry: 3 })
      run(a: string, @CurrentTask() task: Task): string {
        return a + task.id;
      }
      @Consumer('named', { timeout: '5s' })
      named(): void {}
      @Consumer((limit: number) => ({ rate: limit }), ['LIMIT'])
      configured(): void {}
    }
    expectTypeOf(funq.to(Real).run).parameters.branded.toEqualTypeOf<[a: string]>();
  });
});
