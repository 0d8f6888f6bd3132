import { consume } from '../support/consuming.mjs';
import { warmed } from '../support/timing.mjs';

/** Tasks that wait are executed through Nest's whole pipeline and acknowledged. `queues`: spread over so many, each with a consumer. */
export async function measure({ tasks, queues = 1, ...settings }) {
  const names = Array.from({ length: queues }, (_, index) => `bench-${index}`);
  const run = (count) => consume({ ...settings, tasks: count, queues: names });
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}
