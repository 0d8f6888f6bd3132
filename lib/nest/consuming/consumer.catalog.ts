import { Inject, Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { ConsumerOptions, LiveOptions, Policy } from '../../contracts/policy.js';
import { FunqConfigError } from '../../core/errors.js';
import { createLivePolicy, createPolicy } from '../../core/options/policy.js';
import { show } from '../../core/options/show.js';
import type { FunqOptions } from '../funq.options.js';
import { FUNQ_OPTIONS } from '../funq.tokens.js';
import { consumerDefinition } from './consumer.decorator.js';

/** The policies of decorated methods, by class and method: asked by the explorer, and by publishers that name a class. */
@Injectable()
export class ConsumerCatalog {
  readonly #policies = new Map<Type, Map<string, Policy>>();
  readonly #byQueue = new Map<string, Policy[]>();
  readonly #options = new Map<Policy, ConsumerOptions>();
  #explore: (() => unknown) | undefined;

  constructor(
    @Inject(FUNQ_OPTIONS) private readonly options: FunqOptions,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Throws `FUNQ_CONSUMER_UNKNOWN` for a method that is no consumer, or what `createPolicy` throws. */
  policyOf(type: Type, method: string): Policy {
    const known = this.#policies.get(type)?.get(method);
    if (known) return known;
    const handler = typeof type === 'function' ? `${type.name}.${method}` : `${show(type)}, which is no class,`;
    const prototype = (type as Type | undefined)?.prototype as Record<string, unknown> | undefined;
    const definition = consumerDefinition(prototype?.[method]);
    if (!definition) {
      throw new FunqConfigError(
        'FUNQ_CONSUMER_UNKNOWN',
        `${handler} is no consumer: put @Consumer() on the method, or publish by the queue's name`,
      );
    }
    const options = 'options' in definition ? definition.options : this.#resolve(handler, definition);
    const policy = createPolicy(handler, options, this.options.defaults);
    this.#options.set(policy, options);
    return this.#remember(type, method, policy);
  }

  /**
   * The policies of all consumers of the app, one for each queue, whether this process consumes them or not. A class of
   * another app is among them when it was published to, unless its broker is not one of this app.
   */
  all(): readonly Policy[] {
    this.explore();
    const known = [...this.#byQueue.values()]
      .flat()
      .filter(({ broker }) => Object.hasOwn(this.options.brokers, broker));
    return [...new Map(known.map((policy) => [`${policy.broker}/${policy.queue}`, policy])).values()];
  }

  /** What `policy`, one of the app's, becomes with `live` over its options. Throws `FUNQ_OPTION_INVALID`. */
  withLive(policy: Policy, live: LiveOptions): Policy {
    return createLivePolicy(policy.handler, this.#options.get(policy) ?? {}, this.options.defaults, live);
  }

  /** Finds the app's consumers when they are first asked for: somebody may publish before everything has started. */
  exploreWith(explore: () => unknown): void {
    this.#explore = explore;
  }

  /** Finds the app's consumers now. Throws what they are refused with. */
  explore(): void {
    const explore = this.#explore;
    this.#explore = undefined;
    explore?.();
  }

  /**
   * The policy of a queue that a consumer of this app has; publishers by name take broker, priority and schema from it.
   * Throws `FUNQ_OPTION_INVALID` when consumers on several brokers have the queue and `broker` does not say which.
   */
  ofQueue(queue: string, broker: string | undefined): Policy | undefined {
    this.explore();
    const found = this.#byQueue.get(queue) ?? [];
    const named = broker === undefined ? found : found.filter((policy) => policy.broker === broker);
    if (named.length < 2) return named[0];
    const names = named.map((policy) => `'${policy.broker}'`).join(' and ');
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `publishing to ${queue}: brokers ${names} both have a consumer of it; say which with { broker }`,
    );
  }

  /** Whether a consumer of the queue is known by now. */
  knows(broker: string, queue: string): boolean {
    return this.#byQueue.get(queue)?.some((policy) => policy.broker === broker) ?? false;
  }

  /** The policies of this app's consumers whose dead letters go to `queue`. */
  burying(queue: string): readonly Policy[] {
    return this.all().filter(({ deadLetter }) => deadLetter === queue);
  }

  #resolve(
    handler: string,
    definition: Extract<ReturnType<typeof consumerDefinition>, { factory: unknown }>,
  ): ConsumerOptions {
    const dependencies = definition.inject.map((token) => {
      try {
        return this.moduleRef.get(token, { strict: false }) as never;
      } catch (error) {
        const name = typeof token === 'function' ? token.name : String(token);
        throw new FunqConfigError(
          'FUNQ_OPTION_INVALID',
          `${handler}: @Consumer() asks for ${name}, which no module of the app provides`,
          {
            cause: error,
          },
        );
      }
    });
    const options: unknown = definition.factory(...dependencies);
    if (typeof options === 'object' && options !== null && !('then' in options)) return options;
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      `${handler}: the function given to @Consumer() must return the options themselves, at once`,
    );
  }

  #remember(type: Type, method: string, policy: Policy): Policy {
    const methods = this.#policies.get(type) ?? new Map<string, Policy>();
    this.#policies.set(type, methods.set(method, policy));
    this.#byQueue.set(policy.queue, [...(this.#byQueue.get(policy.queue) ?? []), policy]);
    return policy;
  }
}
