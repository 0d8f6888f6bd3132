import { Inject, Injectable, UseInterceptors } from '@nestjs/common';
import { ApplicationConfig, ContextIdFactory, ExternalContextCreator, ModuleRef, type ContextId } from '@nestjs/core';
import type { RunningTask } from '../../core/consuming/running-task.js';
import { RequeueError, isA } from '../../core/errors.js';
import { FUNQ_CONTEXT, FUNQ_CONTROLS } from '../funq.tokens.js';
import { ControlChain, type Control } from '../interceptors/control.js';
import { checkArguments } from './arguments.js';
import type { FoundConsumer } from './consumer.explorer.js';
import { stagesOf, type Stages } from './enhancers.js';
import { called, methodOf, plain, promised, type Method } from './method.js';
import { PARAMS_METADATA, defineParams, paramsFactory } from './params.js';

export type Handler = (task: RunningTask) => Promise<unknown>;

/**
 * Makes a method callable with a task, through Nest's whole pipeline: guards, global and class interceptors, the controls,
 * the method's own interceptors, pipes, the method; filters around all.
 */
@Injectable()
export class HandlerFactory {
  constructor(
    private readonly contexts: ExternalContextCreator,
    private readonly config: ApplicationConfig,
    @Inject(FUNQ_CONTROLS) private readonly controls: readonly Control[],
  ) {}

  async create(consumer: FoundConsumer): Promise<Handler> {
    const { wrapper, policy } = consumer;
    let pipeline: Handler;
    if (!wrapper.isDependencyTreeStatic()) pipeline = (task) => this.#scoped(consumer, task);
    else if (wrapper.isTransient) pipeline = await this.#resolved(consumer, ContextIdFactory.create());
    else pipeline = this.#pipelines(consumer, wrapper.instance as object);
    if (!policy.schema) return pipeline;
    return async (task) => {
      task.args = await checkArguments(policy, task.args);
      return pipeline(task);
    };
  }

  /** Two pipelines: one with just the controls that the consumer asks for, one with all of them for tasks with options of their own. */
  #pipelines(consumer: FoundConsumer, instance: object, context?: ContextId): Handler {
    const own = this.#pipeline(
      consumer,
      instance,
      this.controls.filter((control) => control.appliesTo(consumer.policy)),
      context,
    );
    let full: Handler | undefined;
    return (task) => {
      if (task.policy === consumer.policy) return own(task);
      full ??= this.#pipeline(consumer, instance, this.controls, context);
      return full(task);
    };
  }

  #pipeline(
    consumer: FoundConsumer,
    instance: object,
    controls: readonly Control[],
    context: ContextId | undefined,
  ): Handler {
    const { type, method, wrapper } = consumer;
    const original = (instance as Record<string, Method>)[method]!;
    const stages = stagesOf(type, method, original, this.config);
    const chain = controls.length > 0 ? new ControlChain(controls) : undefined;
    const call: (task: RunningTask) => unknown =
      stages.around || stages.params
        ? this.#staged(consumer, instance, stages, chain, context)
        : // Without Nest's way to a method that nothing stands around: it costs several promises a task.
          (task: RunningTask) => called(original, instance, task.run, task.args);
    const run =
      chain && !stages.around
        ? (task: RunningTask) => chain.around(task, () => promised(() => call(task)).then(plain))
        : call;
    const filter = this.#filters(instance, method, original, context, wrapper.id);
    const failed = async (task: RunningTask, error: unknown): Promise<unknown> => {
      // Noted before a filter can turn it into a result: a filter shapes the answer, it doesn't undo the failure.
      task.end(error);
      if (isA(error, RequeueError) || task.interrupted) throw error;
      // Filters written for RPC answer with an Observable of the error.
      return plain(await filter(task));
    };
    return (task) => promised(() => run(task)).then(plain, (error: unknown) => failed(task, error));
  }

  /** The method behind Nest's own stages; `chain` stands between them where there are guards or interceptors. */
  #staged(
    { type, method, wrapper }: FoundConsumer,
    instance: object,
    stages: Stages,
    chain: ControlChain | undefined,
    context: ContextId | undefined,
  ): Handler {
    const original = (instance as Record<string, Method>)[method]!;
    const declared = stages.params ? defineParams(type, method, original) : undefined;
    const callback = methodOf(original, declared);
    if (chain && stages.around) UseInterceptors(chain)(callback as never, '', { value: callback });
    copyMetadata(original, callback);
    const [metadata, factory] = stages.params ? [PARAMS_METADATA, paramsFactory] : [];
    const call = this.contexts.create(
      instance, callback, method, metadata, factory, context, wrapper.id,
      { guards: true, interceptors: true, filters: false }, FUNQ_CONTEXT,
    ) as (...args: unknown[]) => Promise<unknown>; // prettier-ignore
    return (task) => call(...task.args, task);
  }

  /** Runs the exception filters alone: around a function that throws what the call threw. */
  #filters(
    instance: object,
    method: string,
    original: Method,
    context: ContextId | undefined,
    inquirer: string,
  ): Handler {
    const thrower = (...args: unknown[]): never => {
      throw (args[args.length - 1] as RunningTask).failure!.error;
    };
    copyMetadata(original, thrower);
    const run = this.contexts.create(
      instance, thrower, `${method}:filters`, undefined, undefined, context, inquirer,
      { guards: false, interceptors: false, filters: true }, FUNQ_CONTEXT,
    ); // prettier-ignore
    return (task) => run(...task.args, task) as Promise<unknown>;
  }

  /** A provider that is made anew for each task, with everything it depends on. */
  async #scoped(consumer: FoundConsumer, task: RunningTask): Promise<unknown> {
    const context = ContextIdFactory.getByRequest(task);
    // Of all its runs: the instance outlives the first where runs follow in place.
    moduleOf(consumer).registerRequestByContextId(task, context);
    return (await this.#resolved(consumer, context))(task);
  }

  async #resolved(consumer: FoundConsumer, context: ContextId): Promise<Handler> {
    const { token } = consumer.wrapper;
    const instance = await moduleOf(consumer).resolve<object>(token as never, context, { strict: true });
    return this.#pipelines(consumer, instance, context);
  }
}

/** Asked for the consumer's class: another module may provide something else under the same token. */
function moduleOf({ wrapper }: FoundConsumer): ModuleRef {
  return wrapper.host!.providers.get(ModuleRef)!.instance as ModuleRef;
}

function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getMetadataKeys(from)) {
    const value: unknown = Reflect.getMetadata(key, from);
    const own: unknown = Reflect.getOwnMetadata(key, to);
    Reflect.defineMetadata(key, Array.isArray(own) && Array.isArray(value) ? [...own, ...value] : value, to);
  }
}
