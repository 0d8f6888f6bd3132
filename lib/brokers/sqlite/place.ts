import { statSync } from 'node:fs';
import type { Clock } from '../../contracts/clock.js';

/** Milliseconds between two looks. */
const LOOK = 1000;

/**
 * The path of a file that is open. Who deletes or replaces the file there leaves the open one without a name: what is written to it
 * still succeeds, and nobody else ever sees it.
 */
export class SqlitePlace {
  readonly #file: string | undefined;
  #nextLook: number;
  #lost = false;

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {
    this.#file = fileAt(path);
    this.#nextLook = clock.monotonic() + LOOK;
  }

  /** Whether another file stands there, or none. Stays so. */
  get lost(): boolean {
    const now = this.clock.monotonic();
    if (this.#lost || now < this.#nextLook) return this.#lost;
    this.#nextLook = now + LOOK;
    const found = fileAt(this.path);
    return (this.#lost = Boolean(this.#file) && found !== undefined && found !== this.#file);
  }
}

/** Which file it is; empty where there is none, undefined where that can't be told. */
function fileAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}/${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : undefined;
  }
}
