import type { InjectionToken } from '@nestjs/common';
import type { ConsumerOptions } from '../contracts/policy.js';

/** What `@Consumer()` leaves on a method. */
export type ConsumerDefinition =
  | { readonly options: ConsumerOptions }
  | { readonly factory: (...dependencies: never[]) => ConsumerOptions; readonly inject: readonly InjectionToken[] };

const CONSUMER = 'funq:consumer';

/**
 * Makes a provider's method a consumer: each task of its queue is one call of the method. The method stays callable as
 * before. Options are an object, a queue's name with an object, or a function of injected providers.
 *
 * @example
 * `@Consumer({ queue: 'weather', rate: 30, retry: 3 })`
 * `@Consumer('weather')`
 * `@Consumer((config: ConfigService) => ({ rate: config.get('QPS') }), [ConfigService])`
 *
 * @publicApi
 */
export function Consumer(options?: ConsumerOptions): MethodDecorator;
export function Consumer(queue: string, options?: Omit<ConsumerOptions, 'queue'>): MethodDecorator;
export function Consumer<D extends readonly unknown[]>(
  factory: (...dependencies: D) => ConsumerOptions,
  inject: readonly InjectionToken[],
): MethodDecorator;
export function Consumer(
  first: ConsumerOptions | string | ((...dependencies: never[]) => ConsumerOptions) = {},
  second?: ConsumerOptions | readonly InjectionToken[],
): MethodDecorator {
  return (_target, _key, descriptor) => {
    Reflect.defineMetadata(CONSUMER, define(first, second), descriptor.value as object);
  };
}

/** The definition on a method; `undefined` for a method that is no consumer. */
export function consumerDefinition(method: unknown): ConsumerDefinition | undefined {
  return typeof method === 'function'
    ? (Reflect.getOwnMetadata(CONSUMER, method) as ConsumerDefinition | undefined)
    : undefined;
}

function define(
  first: ConsumerOptions | string | ((...dependencies: never[]) => ConsumerOptions),
  second: ConsumerOptions | readonly InjectionToken[] | undefined,
): ConsumerDefinition {
  if (typeof first === 'function')
    return { factory: first, inject: (second as readonly InjectionToken[] | undefined) ?? [] };
  if (typeof first === 'string') return { options: { ...(second as ConsumerOptions | undefined), queue: first } };
  return { options: first };
}
