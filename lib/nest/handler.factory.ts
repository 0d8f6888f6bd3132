import { Inject, Injectable, UseInterceptors } from '@nestjs/common';
import { ApplicationConfig, ContextIdFactory, ExternalContextCreator, ModuleRef, type ContextId } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { currentRun, withinRun } from '../core/current-task.js';
import { RequeueError, isA } from '../core/errors.js';
import type { RunningTask } from '../core/running-task.js';
import { checkArguments } from './arguments.js';
import type { FoundConsumer } from './consumer.explorer.js';
import { stagesOf } from './enhancers.js';
import { FUNQ_CONTEXT, FUNQ_CONTROLS } from './funq.tokens.js';
import { ControlChain, type Control } from './interceptors/control.js';
import { PARAMS_METADATA, defineParams, paramsFactory } from './params.js';

export type Handler = (task: RunningTask) => Promise<unknown>;
type Method = (this: unknown, ...args: unknown[]) => unknown;

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
    { type, method, wrapper }: FoundConsumer,
    instance: object,
    controls: readonly Control[],
    context: ContextId | undefined,
  ): Handler {
    const original = (instance as Record<string, Method>)[method]!;
    const stages = stagesOf(type, method, original, this.config);
    const declared = stages.params ? defineParams(type, method, original) : undefined;
    const callback = methodOf(original, declared);
    const chain = controls.length > 0 ? new ControlChain(controls) : undefined;
    if (chain && stages.around) UseInterceptors(chain)(callback as never, '', { value: callback });
    copyMetadata(original, callback);
    const [metadata, factory] = stages.params ? [PARAMS_METADATA, paramsFactory] : [];
    const call = this.contexts.create(
      instance, callback, method, metadata, factory, context, wrapper.id,
      { guards: true, interceptors: true, filters: false }, FUNQ_CONTEXT,
    ) as (...args: unknown[]) => Promise<unknown>; // prettier-ignore
    const run: Handler =
      chain && !stages.around
        ? (task) => chain.around(task, () => call(...task.args, task))
        : (task) => call(...task.args, task);
    const filter = this.#filters(instance, method, original, context, wrapper.id);
    return async (task) => {
      try {
        return await run(task);
      } catch (error) {
        // Noted before a filter can turn it into a result: a filter shapes the answer, it doesn't undo the failure.
        task.end(error);
        if (isA(error, RequeueError) || task.interrupted) throw error;
        return resolved(await filter(task));
      }
    };
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

/** The method as Nest calls it, with the arguments and within the run of the task that is being executed. */
function methodOf(original: Method, declared: number | undefined): Method {
  const callback: Method = function (...args) {
    const { task } = currentRun()!;
    task.called();
    const call = (): unknown => original.apply(this, passed(args, task.args, declared));
    // A run in place after the first one has its own signal and its own say.
    const result = currentRun() === task.run ? call() : withinRun(task.run, call);
    return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
  };
  Object.defineProperty(callback, 'name', { value: original.name });
  return callback;
}

/** What came through Nest's pipes, and behind it, as they are, the arguments that stand behind the declared ones. */
function passed(piped: unknown[], given: readonly unknown[], declared: number | undefined): unknown[] {
  if (declared === undefined) return [...given];
  if (given.length > declared) return [...piped, ...given.slice(declared)];
  // An argument that was left out is not there: a rest parameter stays empty.
  while (piped.length > 0 && piped[piped.length - 1] === undefined) piped.pop();
  return piped;
}

function copyMetadata(from: object, to: object): void {
  for (const key of Reflect.getMetadataKeys(from)) {
    const value: unknown = Reflect.getMetadata(key, from);
    const own: unknown = Reflect.getOwnMetadata(key, to);
    Reflect.defineMetadata(key, Array.isArray(own) && Array.isArray(value) ? [...own, ...value] : value, to);
  }
}

/** Filters written for RPC answer with an Observable of the error. */
async function resolved(answer: unknown): Promise<unknown> {
  return isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer;
}
