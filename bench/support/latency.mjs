import { inFlight, percentile } from './timing.mjs';

/** Milliseconds on a clock that all processes of the machine share. */
export const now = () => performance.timeOrigin + performance.now();

/**
 * Milliseconds from the call that publishes to the first line of what is executed, at `perSecond` tasks. `open(started)` resolves
 * to `{ send, close }`, or to `{ publish, close }` where another process publishes; `started(at)` is called with what was sent.
 * Before that, `warm` tasks go through as fast as they can: code is compiled by use, and a thousand uses are few.
 */
export async function latency({ perSecond, tasks, warm }, open) {
  let [waits, awaited, reached] = [[], 0];
  const started = (at) => {
    waits.push(now() - at);
    if (waits.length === awaited) reached();
  };
  const { send, publish = publishing(send, perSecond), close } = await open(started);
  for (const [count, paced] of [
    [warm, false],
    [tasks, true],
  ]) {
    [waits, awaited] = [[], count];
    const all = new Promise((resolve) => (reached = resolve));
    await publish(count, paced);
    await all;
  }
  await close?.();
  const counted = waits.slice(tasks / 10);
  return { half: percentile(counted, 0.5), most: percentile(counted, 0.99) };
}

/** Publishes `count` tasks with `send(at)`: `paced`, or 100 in flight. */
export const publishing = (send, perSecond) => async (count, paced) => {
  if (!paced) return inFlight(count, 100, () => send(now()));
  // On an absolute schedule, so that a late one does not put off the others.
  const from = performance.now();
  for (let index = 0; index < count; index++) {
    const wait = from + (index / perSecond) * 1000 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    void send(now());
  }
};
