import { Inject, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Task } from '../contracts/task.js';
import { getBrokerToken, getStoreToken } from './funq.tokens.js';

/** Injects the task being executed, without taking an argument's place. @publicApi */
export const CurrentTask = createParamDecorator((_data: unknown, context: ExecutionContext): Task => taskOf(context));

/** Injects a broker by its name in `forRoot({ brokers })`. @publicApi */
export const InjectBroker = (name?: string): ParameterDecorator & PropertyDecorator => Inject(getBrokerToken(name));

/** Injects a store. @publicApi */
export const InjectStore = (name: 'results' | 'coordination'): ParameterDecorator & PropertyDecorator =>
  Inject(getStoreToken(name));

/** The task of a `'funq'` execution context: it stands behind the arguments. @publicApi */
export function taskOf(context: ExecutionContext): Task {
  const args = context.getArgs<unknown[]>();
  return args[args.length - 1] as Task;
}
