import type { Observable } from 'rxjs';
import type { Task } from '../../contracts/task.js';

/** A method's arguments as a publisher gives them: without the places that `@CurrentTask()` fills. */
export type TaskArguments<A extends readonly unknown[]> = A extends readonly []
  ? []
  : A extends readonly [infer First, ...infer Rest]
    ? [...(true extends IsTask<First> ? [] : Leading<A, Rest, [First]>), ...TaskArguments<Rest>]
    : A extends readonly [(infer First)?, ...infer Rest]
      ? A extends Rest
        ? A
        : [...(true extends IsTask<First> ? [] : Leading<A, Rest, [First?]>), ...TaskArguments<Rest>]
      : A;

/** What stands before `Rest`, with the name of its parameter where TypeScript can tell. */
type Leading<A extends readonly unknown[], Rest extends readonly unknown[], Bare> = A extends readonly [
  ...infer Head,
  ...Rest,
]
  ? Head['length'] extends 0 | 1
    ? Head
    : Bare
  : Bare;

/** Asked of each member of a union; `any` is no task. */
type IsTask<T> = 0 extends 1 & T ? false : T extends Task ? true : false;

/** What a caller receives: the value behind a promise or an observable. */
export type TaskResultOf<R> = Last<Awaited<R>>;

type Last<R> = R extends Observable<infer V> ? V : R;

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];

/** A class's methods as tasks: each call resolves to the task's id when the broker holds it. */
export type Remote<T> = {
  readonly [K in Methods<T>]: T[K] extends (...args: infer A) => unknown
    ? (...args: TaskArguments<A>) => Promise<string>
    : never;
};

/** A class's methods as calls: each resolves to what the method returned, wherever it ran. */
export type RemoteCalls<T> = {
  readonly [K in Methods<T>]: T[K] extends (...args: infer A) => infer R
    ? (...args: TaskArguments<A>) => Promise<TaskResultOf<R>>
    : never;
};

const HARMLESS: readonly string[] = ['then', 'toJSON'];

/** An object whose every property is a function that calls `call` with its name. Safe to await and to inspect. */
export function methodProxy<P extends object>(call: (method: string, args: readonly unknown[]) => Promise<unknown>): P {
  return new Proxy(Object.create(null) as P, {
    get: (_target, property) => {
      // What a promise, a printer or a logger asks of any object is no call.
      if (typeof property === 'symbol' || HARMLESS.includes(property) || property in Object.prototype) return undefined;
      return (...args: readonly unknown[]) => call(property, args);
    },
  });
}
