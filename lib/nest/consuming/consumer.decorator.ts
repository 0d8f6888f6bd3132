import type { InjectionToken } from '@nestjs/common';
import type { ConsumerOptions } from '../../contracts/policy.js';
import { FunqConfigError } from '../../core/errors.js';

/** What `@Consumer()` leaves on a method. */
export type ConsumerDefinition =
  | { readonly options: ConsumerOptions }
  | { readonly factory: (...dependencies: never[]) => ConsumerOptions; readonly inject: readonly InjectionToken[] };

const CONSUMER = 'funq:consumer';
/** Nest's mark on classes that are called from outside: their providers get the scoped global enhancers too. */
const ENTRY_PROVIDER = '__entryProvider__';

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
export function Consumer<D extends readonly unknown[]>(
  factory: (...dependencies: D) => ConsumerOptions,
  inject: readonly InjectionToken[],
): MethodDecorator;
export function Consumer(options?: ConsumerOptions): MethodDecorator;
export function Consumer(queue: string, options?: Omit<ConsumerOptions, 'queue'>): MethodDecorator;
export function Consumer(
  first: ConsumerOptions | string | ((...dependencies: never[]) => ConsumerOptions) = {},
  second?: ConsumerOptions | readonly InjectionToken[],
): MethodDecorator {
  return (target, key, descriptor) => {
    if (typeof target === 'function' || typeof descriptor?.value !== 'function') throw misplaced(target, key);
    Reflect.defineMetadata(CONSUMER, define(first, second), descriptor.value);
    Reflect.defineMetadata(ENTRY_PROVIDER, true, target.constructor);
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

function misplaced(target: object, key: string | symbol): FunqConfigError {
  const { name } = typeof target === 'function' ? target : target.constructor;
  return new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    `${name}.${String(key)}: @Consumer() belongs on a method of a provider, not on a property, an accessor or a static member`,
  );
}
