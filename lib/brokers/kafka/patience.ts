import type { Clock } from '../../contracts/clock.js';

/** How often, and how many milliseconds apart, a cluster that is just changing is asked. */
const TRIES = 20;
const PAUSE = 100;

/** Makes a call again and again while it fails with what is `passing`. Rejects as the last try did. */
export async function patiently<T>(
  clock: Clock,
  passing: (error: unknown) => boolean,
  call: () => Promise<T>,
  tries = TRIES,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await call();
    } catch (error) {
      if (n === tries || !passing(error)) throw error;
    }
    await clock.sleep(PAUSE);
  }
}
