import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { RECONNECT, backoff } from '../backoff.js';

export interface Insistence {
  readonly clock: Clock;
  /** Milliseconds that one try may take. */
  readonly deadline: number;
  /** What a try that took longer fails with. */
  late(): Error;
  /** What fails now is not tried again. */
  hurried(): boolean;
}

/** How often; a broker that is back within seconds saves a second execution. */
const TRIES = 5;

/**
 * Makes a call that may be repeated, again after each failure. The first answer is the true one, also of a try that was given
 * up: asked a second time, a broker says that it holds nothing of what it has settled. Rejects as the last try did.
 */
export async function insist<T extends object>(call: () => Promise<T>, options: Insistence): Promise<T> {
  const { clock, deadline, late, hurried } = options;
  const unheard: Promise<T>[] = [];
  for (let n = 1; ; n++) {
    const calling = call();
    try {
      return await withDeadline(clock, deadline, n > 1 ? Promise.race([calling, ...unheard]) : calling, late);
    } catch (error) {
      if (n === TRIES || hurried()) throw error;
      unheard.push(orNever(calling));
      const heard = await Promise.race([clock.sleep(backoff(n, RECONNECT)), ...unheard]);
      if (heard) return heard;
    }
  }
}

function orNever<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve) => promise.then(resolve, () => undefined));
}
