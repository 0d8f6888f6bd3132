import { Queue, Worker } from 'bullmq';
import { latency as measured } from '../support/latency.mjs';
import { connection, freshName, swept, withServer } from '../support/redis.mjs';
import { inFlight, stopwatch, timed, warmed } from '../support/timing.mjs';

const WAYS = {
  consume,
  publish: (settings) => publish(settings, single),
  many: (settings) => publish(settings, many),
  latency,
};
const KEEP = { removeOnComplete: true, removeOnFail: true };

export async function measure({ way, ...settings }) {
  await swept();
  return WAYS[way](settings);
}

const single = (queue, count) => inFlight(count, 1000, (index) => queue.add('task', { args: [index] }));
const many = (queue, count) =>
  inFlight(Math.ceil(count / 500), 2, () =>
    queue.addBulk(Array.from({ length: 500 }, (_, index) => ({ name: 'task', data: { args: [index] } }))),
  );

const queueOf = (name) =>
  new Queue(name, {
    connection: connection({ enableAutoPipelining: true }),
    defaultJobOptions: KEEP,
    skipVersionCheck: true,
  });

const workerOf = (name, process) =>
  new Worker(name, process, {
    connection: connection(),
    concurrency: 100,
    autorun: false,
    skipStalledCheck: true,
    skipVersionCheck: true,
    lockDuration: 300_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });

async function consume({ tasks }) {
  const run = async (count) => {
    const name = freshName();
    const queue = queueOf(name);
    await many(queue, count);
    let stop;
    let left = Math.ceil(count / 500) * 500;
    return withServer(count, async () => {
      const worker = workerOf(name, async () => void (stop ??= stopwatch(left)));
      const figures = await new Promise((resolve) => {
        worker.on('completed', () => --left === 0 && resolve(stop()));
        void worker.run();
      });
      await worker.close();
      await queue.close();
      return figures;
    });
  };
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}

async function publish({ tasks }, add) {
  const queue = queueOf(freshName());
  await queue.waitUntilReady();
  const run = (count) => withServer(count, () => timed(count, () => add(queue, count)));
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}

function latency(pace) {
  return measured(pace, async (started) => {
    const name = freshName();
    const queue = queueOf(name);
    const worker = workerOf(name, async ({ data }) => started(data.sent));
    void worker.run();
    await worker.waitUntilReady();
    return { send: (sent) => queue.add('task', { sent }) };
  });
}
