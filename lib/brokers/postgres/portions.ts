import { MOST, type Claim } from './tasks.js';

/** How many the first claim takes, before it is known how large they are, and how fast that may become more. */
const FIRST = 25;
const GROWTH = 4;
/** Bytes that one claim is to bring, so that none comes near its deadline. */
const BYTES = 16 * 2 ** 20;

/** How many messages of a queue are taken at once, by how large they were of late. */
export class Portions {
  #most = FIRST;

  /** Takes as many of `max` as are likely to come in time; when that fails it may have been too many. */
  async take(max: number, claim: (most: number) => Promise<Claim>): Promise<Claim> {
    const most = Math.min(max, this.#most);
    try {
      const claimed = await claim(most);
      this.#learn(claimed);
      return claimed;
    } catch (error) {
      this.#most = Math.max(1, Math.floor(most / GROWTH));
      throw error;
    }
  }

  #learn({ taken }: Claim): void {
    if (taken.length === 0) return;
    const bytes = taken.reduce((sum, { body }) => sum + body.length, 0);
    const fitting = Math.floor((BYTES * taken.length) / Math.max(1, bytes));
    this.#most = Math.max(1, Math.min(MOST, fitting, this.#most * GROWTH));
  }
}
