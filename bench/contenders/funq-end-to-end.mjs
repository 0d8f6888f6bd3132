import { startApp } from '../support/funq-app.mjs';
import { noop } from '../support/consuming.mjs';
import { inFlight, stopwatch, warmed } from '../support/timing.mjs';

/** Publishing and executing in one process at the same time, from the first publish to the last acknowledgement. */
export async function measure({ tasks, ...settings }) {
  return warmed(() => run({ ...settings, tasks: tasks / 4 }), () => run({ ...settings, tasks })); // prettier-ignore
}

async function run({ broker, controls = {}, concurrency = 100, tasks }) {
  const { call, done, ended } = noop(tasks);
  const consumers = [{ queue: 'bench', options: { concurrency, ...controls }, call }];
  const { funq, events, close } = await startApp({ broker, consumers });
  events.on('done', done);
  const stop = stopwatch(tasks);
  await inFlight(tasks, 1000, (index) => funq.publish('bench', [index]));
  await ended;
  const figures = stop();
  await close();
  return figures;
}
