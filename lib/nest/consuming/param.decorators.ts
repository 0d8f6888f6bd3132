import { Inject, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ManagedTask, Task } from '../../contracts/task.js';
import type { RunningTask } from '../../core/consuming/running-task.js';
import { getBrokerToken, getStoreToken } from '../funq.tokens.js';

/** Injects the task being executed, without taking an argument's place. @publicApi */
export const CurrentTask = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Task => runningTask(context).run,
);

/** Injects a broker by its name in `forRoot({ brokers })`. @publicApi */
export const InjectBroker = (name?: string): ParameterDecorator & PropertyDecorator => Inject(getBrokerToken(name));

/** Injects a store. @publicApi */
export const InjectStore = (name: 'results' | 'coordination'): ParameterDecorator & PropertyDecorator =>
  Inject(getStoreToken(name));

/** The current run of the task of a `'funq'` execution context, for guards and interceptors. @publicApi */
export function taskOf(context: ExecutionContext): Task {
  return runningTask(context).run;
}

/** The task over all of its runs, for controls. @publicApi */
export function managedTaskOf(context: ExecutionContext): ManagedTask {
  return runningTask(context);
}

/** It stands behind the arguments. */
function runningTask(context: ExecutionContext): RunningTask {
  const args = context.getArgs<unknown[]>();
  return args[args.length - 1] as RunningTask;
}
