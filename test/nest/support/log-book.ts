import type { LoggerService } from '@nestjs/common';

export interface Line {
  readonly level: string;
  readonly text: string;
  readonly context: unknown;
}

/** A logger that keeps what it is told. */
export class LogBook implements LoggerService {
  readonly lines: Line[] = [];

  log(message: unknown, ...rest: unknown[]): void {
    this.#add('log', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.#add('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.#add('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.#add('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.#add('verbose', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.#add('fatal', message, rest);
  }

  /** Lines that contain `text`. */
  find(text: string): Line[] {
    return this.lines.filter((line) => line.text.includes(text));
  }

  #add(level: string, message: unknown, rest: readonly unknown[]): void {
    const text = message instanceof Error ? (message.stack ?? message.message) : String(message);
    this.lines.push({ level, text, context: rest.at(-1) });
  }
}
