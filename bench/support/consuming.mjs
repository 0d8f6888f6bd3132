import { inFlight, stopwatch } from './timing.mjs';
import { startApp } from './funq-app.mjs';
import { redisCpu } from './redis.mjs';

/** A consumer that does nothing but note when it first ran, and `ended`, which resolves with its figures once `tasks` are acknowledged. */
export function noop(tasks) {
  let stop;
  let left = tasks;
  let resolve;
  const ended = new Promise((settle) => (resolve = settle));
  const call = async (_value) => {
    stop ??= stopwatch(tasks);
  };
  const done = () => {
    if (--left === 0) resolve(stop());
  };
  return { call, done, ended };
}

/** Publishes `tasks` in all, spread over `queues`, then starts their consumers. What is measured is from the first start to the last end. */
export async function consume({ broker, controls = {}, concurrency = 100, tasks, queues = ['bench'] }) {
  const { call, done, ended } = noop(tasks);
  let before;
  const app = await startApp({
    broker,
    consumers: queues.map((queue) => ({ queue, options: { concurrency, ...controls }, call })),
    prepare: async ({ funq, events }) => {
      events.on('done', done);
      await inFlight(tasks, 1000, (index) => funq.publish(queues[index % queues.length], [index]));
      globalThis.gc?.();
      before = await serverCpu(broker);
    },
  });
  const figures = await ended;
  figures.server = ((await serverCpu(broker)) - before) / tasks;
  await app.close();
  return figures;
}

/** Microseconds of processor time that the broker's server has used, where it can tell. */
const serverCpu = async (broker) => (broker === 'redis' ? redisCpu() : 0);
