import { Inject, Injectable, type Type } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { ReplyAddress } from '../../contracts/envelope.js';
import type { Policy } from '../../contracts/policy.js';
import { FunqConfigError, FunqError } from '../../core/errors.js';
import { checkQueueName } from '../../core/options/names.js';
import { BrokerRegistry, type Route } from '../broker.registry.js';
import { checkArguments } from '../consuming/arguments.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_SETTINGS } from '../funq.tokens.js';
import { readPublishOptions, type AskOptions, type PublishOptions, type PublishSettings } from './publish.options.js';
import { taskMessage } from './task.message.js';
import { methodProxy, type Remote, type RemoteCalls } from './typed.publisher.js';

/**
 * Publishes tasks. Each promise resolves when the broker holds its task, to the task's id, and rejects with a `FunqError`
 * for what can't be sent or was not stored. Tasks that are published at the same time go to the broker together.
 *
 * @publicApi
 */
@Injectable()
export class FunqPublisher {
  constructor(
    private readonly brokers: BrokerRegistry,
    private readonly catalog: ConsumerCatalog,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {}

  /** The consumer methods of a class, to be called as tasks: `await funq.to(Mails).send('a@b.c')`. */
  to<T extends object>(type: Type<T>, options: PublishOptions = {}): Remote<T> {
    return methodProxy<Remote<T>>(async (method, args) =>
      this.#send(this.catalog.policyOf(type, method), args, options),
    );
  }

  /** The consumer methods of a class, to be called from afar: `const weather = await funq.ask(Weather).forecast('Wuhan')`. */
  ask<T extends object>(type: Type<T>, options?: AskOptions): RemoteCalls<T>;
  /** Calls a queue's consumer by name. Rejects with `FunqRemoteError` when the task failed, `FUNQ_REPLY_TIMEOUT` when it took too long. */
  ask(queue: string, args?: readonly unknown[], options?: AskOptions): Promise<unknown>;
  ask<T extends object>(
    target: Type<T> | string,
    second?: AskOptions | readonly unknown[],
    third: AskOptions = {},
  ): RemoteCalls<T> | Promise<unknown> {
    if (typeof target === 'string') return this.#callNamed(target, second as readonly unknown[] | undefined, third);
    const options = (second as AskOptions | undefined) ?? {};
    return methodProxy<RemoteCalls<T>>(async (method, args) =>
      this.#call(this.catalog.policyOf(target, method), args, options),
    );
  }

  /** Publishes one task by its queue's name, also from an app that does not have the consumer. */
  async publish(queue: string, args: readonly unknown[] = [], options: PublishOptions = {}): Promise<string> {
    return this.#send(this.#named(queue, options), args, options);
  }

  /** Publishes one task for each list of arguments. Rejects when any was not stored; `cause.errors` has one entry for each of those. */
  async publishMany(
    queue: string,
    argsList: Iterable<readonly unknown[]>,
    options: Omit<PublishOptions, 'id'> = {},
  ): Promise<string[]> {
    const target = this.#named(queue, options);
    const settings = readPublishOptions(queue, options, target.priority ?? 0);
    if (settings.id !== undefined)
      throw new FunqConfigError(
        'FUNQ_OPTION_INVALID',
        `publishing many to ${queue}: they can't all have the id '${settings.id}'`,
      );
    if (typeof argsList?.[Symbol.iterator] !== 'function' || typeof argsList === 'string')
      throw new FunqConfigError(
        'FUNQ_OPTION_INVALID',
        `publishing many to ${queue}: give a list of argument lists: publishMany('${queue}', [[first], [second]])`,
      );
    const route = this.#route(target, settings);
    // All of them before the first is published: making them may fail.
    const lists = [...argsList];
    const sent = lists.map((args) => this.#publish(route, target, args, settings));
    const outcomes = await Promise.allSettled(sent);
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
    if (errors.length === 0) return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<string>).value);
    throw new FunqError(
      'FUNQ_PUBLISH_FAILED',
      `${errors.length} of ${outcomes.length} tasks for ${queue} were not stored: ${errors[0]!.message}`,
      {
        cause: new AggregateError(errors),
      },
    );
  }

  #named(queue: string, options: PublishOptions | undefined): Target {
    checkQueueName(queue, 'publish');
    return this.catalog.ofQueue(queue, options?.broker) ?? { queue };
  }

  async #callNamed(queue: string, args: readonly unknown[] = [], options: AskOptions = {}): Promise<unknown> {
    return this.#call(this.#named(queue, options), args, options);
  }

  #send(target: Target, args: readonly unknown[], options: PublishOptions): Promise<string> {
    const settings = readPublishOptions(target.queue, options, target.priority ?? 0);
    return this.#publish(this.#route(target, settings), target, args, settings);
  }

  async #call(target: Target, args: readonly unknown[], options: AskOptions): Promise<unknown> {
    const settings = readPublishOptions(target.queue, options, target.priority ?? 0);
    const route = this.#route(target, settings);
    const timeout = settings.replyTimeout ?? this.settings.replyTimeout;
    return route.replies.call(target.queue, timeout, (reply) => this.#publish(route, target, args, settings, reply));
  }

  #route(target: Target, settings: PublishSettings): Route {
    return this.brokers.get(settings.broker ?? target.broker ?? 'default', `publishing to ${target.queue}`);
  }

  async #publish(
    route: Route,
    target: Target,
    args: readonly unknown[],
    settings: PublishSettings,
    reply?: ReplyAddress,
  ): Promise<string> {
    if (target.schema && Array.isArray(args)) await checkArguments(target as Policy, args);
    const { clock, codec } = this;
    const { maxPayload } = this.settings;
    const { id, message } = taskMessage({ queue: target.queue, args, reply }, settings, { clock, codec, maxPayload });
    await route.outbox.publish(target.queue, message, settings.transaction);
    return id;
  }
}

/** Where a task goes: a consumer that this app knows, or a queue by name. */
type Target = Pick<Policy, 'queue'> & Partial<Policy>;
