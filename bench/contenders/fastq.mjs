import { promise } from 'fastq';
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
  const queue = promise(method, concurrency);
  return timed(tasks, () => results(queue, tasks));
}

async function resumed(tasks, concurrency) {
  const queue = promise(method, concurrency);
  queue.pause();
  const outcomes = results(queue, tasks);
  return timed(tasks, () => {
    queue.resume();
    return outcomes;
  });
}

async function pushing(tasks, concurrency) {
  const queue = promise(method, concurrency);
  queue.pause();
  return timed(tasks, () => void results(queue, tasks));
}

function results(queue, tasks) {
  return Promise.all(Array.from({ length: tasks }, (_, index) => queue.push(index)));
}
