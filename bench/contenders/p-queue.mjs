import PQueue from 'p-queue';
import { timed, warmed } from '../support/timing.mjs';

const method = async (_value) => undefined;

/** `filled`: the queue is filled while it is paused, and what is measured begins when it goes on. */
export async function measure({ tasks, concurrency = 100, filled = false, only }) {
  const run = filled ? resumed : pushed;
  await warmed(
    () => run(tasks / 4, concurrency),
    () => undefined,
  );
  if (only === 'push') return pushing(tasks, concurrency);
  return run(tasks, concurrency);
}

function pushed(tasks, concurrency) {
  const queue = new PQueue({ concurrency });
  return timed(tasks, () => results(queue, tasks));
}

async function resumed(tasks, concurrency) {
  const queue = new PQueue({ concurrency, autoStart: false });
  const outcomes = results(queue, tasks);
  return timed(tasks, () => {
    queue.start();
    return outcomes;
  });
}

async function pushing(tasks, concurrency) {
  const queue = new PQueue({ concurrency, autoStart: false });
  return timed(tasks, () => void results(queue, tasks));
}

function results(queue, tasks) {
  return Promise.all(Array.from({ length: tasks }, (_, index) => queue.add(() => method(index))));
}
