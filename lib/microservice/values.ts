import { Subscription, isObservable, type Observable } from 'rxjs';
import { FunqError } from '../core/errors.js';
import { promised } from '../nest/consuming/method.js';

/** Gets each value; what it resolves to is waited for where the source can wait. */
export type Take = (value: unknown) => Promise<void> | void;

export interface Reading {
  /** Ends the reading, and the source where it can be ended. */
  readonly signal: AbortSignal;
  /** How many values of a source that can't wait may be under way. */
  readonly maxBuffer: number;
}

/** Whether what a handler returned is a source of several values. */
export function isStream(result: unknown): result is Observable<unknown> | AsyncIterable<unknown> {
  return isObservable(result) || isIterable(result);
}

/**
 * Hands on each value, in order; resolves when all were taken. Rejects, after the values before it, with what the source
 * failed with, at once with the signal's reason, or with `FUNQ_STREAM_OVERFLOW`. Iterables that a source gives are read, too.
 */
export async function eachValue(result: unknown, take: Take, reading: Reading): Promise<void> {
  if (isObservable(result)) await observed(result, take, reading);
  else if (isIterable(result)) await iterated(result, take, reading.signal);
  else await take(result);
}

async function iterated(source: AsyncIterable<unknown>, take: Take, signal: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (let step; !(step = await unlessAborted(iterator.next(), signal)).done;) await take(step.value);
  } catch (error) {
    // A source that waits for something itself hears of it when it goes on.
    promised(() => iterator.return?.()).catch(() => undefined);
    throw error;
  }
}

function observed(source: Observable<unknown>, take: Take, reading: Reading): Promise<void> {
  const { signal, maxBuffer } = reading;
  return new Promise((resolve, reject) => {
    let [waiting, over] = [0, false];
    // What is left is not taken, and an iterable that is being read ends.
    const unlessOver: Take = (value) => (over ? Promise.reject(new Error('The stream is over')) : take(value));
    let taken: Promise<unknown> = Promise.resolve();
    const subscription = new Subscription();
    const end = (settle: () => void): void => {
      over = true;
      signal.removeEventListener('abort', abort);
      subscription.unsubscribe();
      settle();
    };
    const fail = (error: unknown): void => end(() => reject(error as Error));
    const abort = (): void => fail(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    const observer = {
      next: (value: unknown) => {
        if (++waiting > maxBuffer) return fail(overflow(maxBuffer));
        taken = taken.then(() => eachValue(value, unlessOver, reading)).then(() => waiting--);
        taken.catch(fail);
      },
      error: (error: unknown) => void taken.then(() => fail(error), fail),
      complete: () => void taken.then(() => end(resolve), fail),
    };
    // It may end while it is being subscribed to.
    subscription.add(source.subscribe(observer));
  });
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === 'function';
}

export function overflow(maxBuffer: number): FunqError {
  return new FunqError(
    'FUNQ_STREAM_OVERFLOW',
    `more than ${maxBuffer} values of a stream wait to be taken; send fewer, return an async iterable, which waits, or raise maxBuffer`,
  );
}
