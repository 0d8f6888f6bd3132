import { startApp } from '../support/funq-app.mjs';
import { inFlight, timed, warmed } from '../support/timing.mjs';

/** `ask()`: published, executed, answered. `width` callers wait at once. */
export async function measure({ broker, tasks, width }) {
  const call = async (value) => value;
  const { funq, close } = await startApp({
    broker,
    consumers: [{ queue: 'bench', options: { concurrency: 100 }, call }],
  });
  const ask = (count) => inFlight(count, width, (index) => funq.ask('bench', [index]));
  const figures = await warmed(() => ask(tasks / 4), () => timed(tasks, () => ask(tasks))); // prettier-ignore
  await close();
  return figures;
}
