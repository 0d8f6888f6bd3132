import { BaseRpcContext } from '@nestjs/microservices';
import type { Task } from '../contracts/task.js';

/** What `@Ctx()` gives to handlers. @publicApi */
export class FunqContext extends BaseRpcContext<[Task, string]> {
  constructor(args: [Task, string]) {
    super(args);
  }

  /** The run of the task that brought the message: its id, attempt, headers, signal, and what shall become of it. */
  getTask(): Task {
    return this.args[0];
  }

  /** What was emitted or sent, not the handler's wildcard. */
  getPattern(): string {
    return this.args[1];
  }

  /** Aborts when the caller gives up, when the run's time is over, or when the process can't wait any longer. */
  getSignal(): AbortSignal {
    return this.args[0].signal;
  }

  /** Texts that travelled with the message, such as those of a client's dispatch hook. */
  getHeaders(): Readonly<Record<string, string>> {
    return this.args[0].headers;
  }
}
