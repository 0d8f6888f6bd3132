import { Inject, Injectable, UseInterceptors } from '@nestjs/common';
import { ContextIdFactory, ExternalContextCreator, ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { currentTask } from '../core/current-task.js';
import { RequeueError } from '../core/errors.js';
import type { RunningTask } from '../core/running-task.js';
import { checkArguments } from './arguments.js';
import type { FoundConsumer } from './consumer.explorer.js';
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
    private readonly moduleRef: ModuleRef,
    @Inject(FUNQ_CONTROLS) private readonly controls: readonly Control[],
  ) {}

  create(consumer: FoundConsumer): Handler {
    const { wrapper, policy } = consumer;
    const pipeline = wrapper.isDependencyTreeStatic()
      ? this.#pipelines(consumer, wrapper.instance as object)
      : (task: RunningTask) => this.#scoped(consumer, task);
    if (!policy.schema) return pipeline;
    return async (task) => {
      task.args = await checkArguments(policy, task.args);
      return pipeline(task);
    };
  }

  /** Two pipelines: one with just the controls that the consumer asks for, one with all of them for tasks with options of their own. */
  #pipelines(consumer: FoundConsumer, instance: object, context?: Context): Handler {
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
    { type, method }: FoundConsumer,
    instance: object,
    controls: readonly Control[],
    context?: Context,
  ): Handler {
    const original = (instance as Record<string, Method>)[method]!;
    const declared = defineParams(type, method, original);
    const callback = withControls(original, declared, controls);
    const call = this.contexts.create(
      instance, callback, method, PARAMS_METADATA, paramsFactory, context?.id, context?.inquirer,
      { guards: true, interceptors: true, filters: false }, FUNQ_CONTEXT,
    ); // prettier-ignore
    const filter = this.#filters(instance, method, original, context);
    return async (task) => {
      try {
        return await call(...task.args, task);
      } catch (error) {
        // Noted before a filter can turn it into a result: a filter shapes the answer, it doesn't undo the failure.
        task.end(error);
        if (error instanceof RequeueError || task.interrupted) throw error;
        return resolved(await filter(task));
      }
    };
  }

  /** Runs the exception filters alone: around a function that throws what the call threw. */
  #filters(instance: object, method: string, original: Method, context?: Context): Handler {
    const thrower = (...args: unknown[]): never => {
      throw (args[args.length - 1] as RunningTask).failure!.error;
    };
    copyMetadata(original, thrower);
    const run = this.contexts.create(
      instance, thrower, `${method}:filters`, undefined, undefined, context?.id, context?.inquirer,
      { guards: false, interceptors: false, filters: true }, FUNQ_CONTEXT,
    ); // prettier-ignore
    return (task) => run(...task.args, task) as Promise<unknown>;
  }

  /** A provider that is made anew for each task, with everything it depends on. */
  async #scoped(consumer: FoundConsumer, task: RunningTask): Promise<unknown> {
    const id = ContextIdFactory.getByRequest(task);
    this.moduleRef.registerRequestByContextId(task, id);
    const instance = await this.moduleRef.resolve<object>(consumer.wrapper.token as never, id, { strict: false });
    return this.#pipelines(consumer, instance, { id, inquirer: consumer.wrapper.id })(task);
  }
}

interface Context {
  readonly id: ReturnType<typeof ContextIdFactory.create>;
  readonly inquirer: string;
}

/** The method with the controls as its outermost interceptor, inside the class's, outside its own; all of its metadata kept. */
function withControls(original: Method, declared: number, controls: readonly Control[]): Method {
  const callback: Method = function (...args) {
    const task = currentTask()!;
    // Positional parameters come from Nest's pipes; what stands behind the declared ones is passed on as it is.
    const passed = declared > 0 ? [...args, ...task.args.slice(declared)] : task.args;
    const result = original.apply(this, passed as unknown[]);
    return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
  };
  Object.defineProperty(callback, 'name', { value: original.name });
  if (controls.length > 0) UseInterceptors(new ControlChain(controls))(callback as never, '', { value: callback });
  copyMetadata(original, callback);
  return callback;
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
