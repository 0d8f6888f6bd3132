/**
 * Lets a few at a time of those who want the same thing go ahead, in order of their coming. Used before a start is reserved:
 * a reservation can't be given back, so only as many are held as are needed to keep the rate.
 */
export class Turns {
  readonly #lines = new Map<string, { ahead: number; readonly waiting: (() => void)[] }>();

  /** How many stand in line for `key`, those who go ahead included. */
  length(key: string): number {
    const line = this.#lines.get(key);
    return line ? line.ahead + line.waiting.length : 0;
  }

  /** Resolves when it is this one's turn; {@link leave} must follow, also when nobody waited for it. */
  enter(key: string, max: number): Promise<void> | undefined {
    const line = this.#lines.get(key) ?? { ahead: 0, waiting: [] };
    this.#lines.set(key, line);
    if (line.ahead >= max) return new Promise((resolve) => line.waiting.push(resolve));
    line.ahead++;
    return undefined;
  }

  leave(key: string): void {
    const line = this.#lines.get(key);
    if (!line) return;
    const next = line.waiting.shift();
    if (next) next();
    else if (--line.ahead === 0) this.#lines.delete(key);
  }
}
