import { Inject, Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { ConsumerOptions, Policy } from '../contracts/policy.js';
import { FunqConfigError } from '../core/errors.js';
import { createPolicy } from '../core/policy.js';
import { consumerDefinition } from './consumer.decorator.js';
import { FUNQ_OPTIONS } from './funq.tokens.js';
import type { FunqOptions } from './funq.options.js';

/** The policies of decorated methods, by class and method: asked by the explorer, and by publishers that name a class. */
@Injectable()
export class ConsumerCatalog {
  readonly #policies = new Map<Type, Map<string, Policy>>();
  readonly #byQueue = new Map<string, Policy>();

  constructor(
    @Inject(FUNQ_OPTIONS) private readonly options: FunqOptions,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Throws `FUNQ_CONSUMER_UNKNOWN` for a method that is no consumer, or what `createPolicy` throws. */
  policyOf(type: Type, method: string): Policy {
    const known = this.#policies.get(type)?.get(method);
    if (known) return known;
    const handler = `${type.name}.${method}`;
    const definition = consumerDefinition((type.prototype as Record<string, unknown> | undefined)?.[method]);
    if (!definition) {
      throw new FunqConfigError(
        'FUNQ_CONSUMER_UNKNOWN',
        `${handler} is no consumer: put @Consumer() on the method, or publish by the queue's name`,
      );
    }
    const options = 'options' in definition ? definition.options : this.#resolve(handler, definition);
    return this.#remember(type, method, createPolicy(handler, options, this.options.defaults));
  }

  /** The policy of a queue that a consumer of this app has; publishers by name take broker, priority and schema from it. */
  ofQueue(queue: string): Policy | undefined {
    return this.#byQueue.get(queue);
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
    return definition.factory(...dependencies);
  }

  #remember(type: Type, method: string, policy: Policy): Policy {
    const methods = this.#policies.get(type) ?? new Map<string, Policy>();
    this.#policies.set(type, methods.set(method, policy));
    if (!this.#byQueue.has(policy.queue)) this.#byQueue.set(policy.queue, policy);
    return policy;
  }
}
