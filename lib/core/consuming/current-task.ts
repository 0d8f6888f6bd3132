import { AsyncLocalStorage } from 'node:async_hooks';
import type { Task } from '../../contracts/task.js';
import type { Run } from './run.js';

/** Keyed by the asynchronous context, so tasks and apps that run side by side never see each other's. */
const storage = new AsyncLocalStorage<Run>();

/** The task in whose call we are, at any depth; `undefined` outside one. */
export function currentTask(): Task | undefined {
  return storage.getStore();
}

/** The same as the engine knows it. */
export function currentRun(): Run | undefined {
  return storage.getStore();
}

/** Runs `call` as part of `run`, unless nobody is to find it: before Node 24, each promise of the process costs more from the first time on. */
export function withinRun<A extends unknown[], T>(run: Run, call: (...args: A) => T, ...args: A): T {
  return run.task.findable ? storage.run(run, call, ...args) : call(...args);
}
