import { AsyncLocalStorage } from 'node:async_hooks';
import type { Task } from '../contracts/task.js';

/** Keyed by the asynchronous context, so tasks and apps that run side by side never see each other's. */
const storage = new AsyncLocalStorage<Task>();

/** The task in whose call we are, at any depth; `undefined` outside one. */
export function currentTask(): Task | undefined {
  return storage.getStore();
}

/** Runs `call` as part of `task`. */
export function withinTask<T>(task: Task, call: () => T): T {
  return storage.run(task, call);
}
