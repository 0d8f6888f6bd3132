import Queue from 'bee-queue';
import { latency as measured } from '../support/latency.mjs';
import { freshName, redisUrl, swept, withServer } from '../support/redis.mjs';
import { inFlight, stopwatch, timed, warmed } from '../support/timing.mjs';

const WAYS = { consume, publish, latency };

export async function measure({ way, ...settings }) {
  await swept();
  return WAYS[way](settings);
}

const queueOf = (name, isWorker) =>
  new Queue(name, {
    redis: { url: redisUrl },
    isWorker,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    removeOnFailure: true,
  });

const add = (queue, count) => inFlight(count, 1000, (index) => queue.createJob({ args: [index] }).save());

async function consume({ tasks }) {
  const run = async (count) => {
    const name = freshName();
    await add(queueOf(name, false), count);
    let stop;
    let left = count;
    return withServer(count, async () => {
      const queue = queueOf(name, true);
      return new Promise((resolve) => {
        queue.on('succeeded', () => --left === 0 && resolve(stop()));
        queue.process(100, async () => void (stop ??= stopwatch(count)));
      });
    });
  };
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}

async function publish({ tasks }) {
  const queue = queueOf(freshName(), false);
  await queue.ready();
  const run = (count) => withServer(count, () => timed(count, () => add(queue, count)));
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}

function latency(pace) {
  return measured(pace, async (started) => {
    const name = freshName();
    const [publisher, worker] = [queueOf(name, false), queueOf(name, true)];
    worker.process(100, async ({ data }) => started(data.sent));
    await Promise.all([publisher.ready(), worker.ready()]);
    return { send: (sent) => publisher.createJob({ sent }).save() };
  });
}
