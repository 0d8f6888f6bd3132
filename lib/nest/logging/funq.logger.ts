import { ConsoleLogger } from '@nestjs/common';
import { currentTask } from '../../core/consuming/current-task.js';

type JsonOptions = Parameters<ConsoleLogger['getJsonLogObject']>[1];

/**
 * Nest's console logger with the current task in every line that is written while one is executed, by whatever provider:
 * `[weather 5f0c… #2]`, or fields of the object with `json: true`. Use it with `app.useLogger(new FunqLogger())`.
 *
 * @publicApi
 */
export class FunqLogger extends ConsoleLogger {
  protected override formatContext(context: string): string {
    const task = currentTask();
    return super.formatContext(context) + (task ? `[${task.queue} ${task.id} #${task.attempt}] ` : '');
  }

  protected override getJsonLogObject(
    message: unknown,
    options: JsonOptions,
  ): ReturnType<ConsoleLogger['getJsonLogObject']> {
    const task = currentTask();
    const line = super.getJsonLogObject(message, options);
    return task ? Object.assign(line, { task: { id: task.id, queue: task.queue, attempt: task.attempt } }) : line;
  }
}
