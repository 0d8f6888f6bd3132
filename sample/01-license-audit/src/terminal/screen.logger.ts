import type { LogLevel } from '@nestjs/common';
import { FunqLogger } from 'nestjs-funq';
import type { AuditOptions } from './options.js';
import type { Progress } from './progress.js';

/** Where Nest writes errors that are told of anyway: by `main.ts`, and as dead letters. */
const REPEATED = ['ExceptionHandler', 'ExceptionsHandler'];

/** Writes log lines above the progress line, and to stderr, so that what stdout has can be piped on. */
export class ScreenLogger extends FunqLogger {
  constructor(
    private readonly progress: Progress,
    { verbose }: AuditOptions,
  ) {
    super({
      colors: Boolean(process.stderr.isTTY),
      logLevels: verbose ? ['debug', 'log', 'warn', 'error', 'fatal'] : ['error', 'fatal'],
    });
  }

  protected override printMessages(messages: unknown[], context = '', level?: LogLevel): void {
    if (REPEATED.includes(context)) return;
    this.progress.clear();
    super.printMessages(messages, context, level, 'stderr');
  }
}
