import { startApp } from '../support/funq-app.mjs';
import { inFlight, timed, warmed } from '../support/timing.mjs';

const QUEUE = 'bench';
const WAYS = {
  /** The next when the one before is stored. */
  'one by one': (funq, tasks) => inFlight(tasks, 1, (index) => funq.publish(QUEUE, [index])),
  'in flight': (funq, tasks) => inFlight(tasks, 1000, (index) => funq.publish(QUEUE, [index])),
  /** 1,000 in each call. */
  many: (funq, tasks) => inFlight(Math.ceil(tasks / 1000), 1, () => funq.publishMany(QUEUE, lists(1000))),
};

/** Nobody consumes: what is measured is the way into the broker. */
export async function measure({ broker, way, tasks }) {
  const { funq, close } = await startApp({ broker });
  const publish = (count) => WAYS[way](funq, count);
  const figures = await warmed(
    () => publish(tasks / 4),
    () => timed(tasks, () => publish(tasks)),
  );
  await close();
  return figures;
}

const lists = (count) => Array.from({ length: count }, (_, index) => [index]);
