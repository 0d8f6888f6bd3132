import { isObservable, lastValueFrom } from 'rxjs';
import { currentRun } from '../../core/consuming/current-task.js';
import type { Run } from '../../core/consuming/run.js';

export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** A promise of what `call` returns, promises or throws; no other one where it promises. */
export function promised(call: () => unknown): Promise<unknown> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The method as Nest calls it, with the arguments of the task that is being executed. */
export function methodOf(original: Method, declared: number | undefined): Method {
  const callback: Method = function (...args) {
    const run = currentRun()!;
    return called(original, this, run, passed(args, run.args, declared));
  };
  Object.defineProperty(callback, 'name', { value: original.name });
  return callback;
}

/** Calls the method in a run, unless that was given up while something stood before the method. */
export function called(original: Method, instance: unknown, run: Run, args: readonly unknown[]): unknown {
  run.called();
  return plain(original.apply(instance, args as unknown[]));
}

/** What came through Nest's pipes, and behind it, as they are, the arguments that stand behind the declared ones. */
function passed(piped: unknown[], given: readonly unknown[], declared: number | undefined): unknown[] {
  if (declared === undefined) return [...given];
  if (given.length > declared) return [...piped, ...given.slice(declared)];
  // An argument that was left out is not there: a rest parameter stays empty.
  while (piped.length > 0 && piped[piped.length - 1] === undefined) piped.pop();
  return piped;
}

/** What a method or a filter answers with; the last value of an Observable. */
export function plain(answer: unknown): unknown {
  return isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer;
}
