import { startApp } from '../support/funq-app.mjs';
import { noop } from '../support/consuming.mjs';
import { inFlight, timed } from '../support/timing.mjs';

/** How fast tasks go in and out while `queued` others wait, and the most memory that the process ever held. */
export async function measure({ broker, queued, tasks }) {
  const { call, done, ended } = noop(tasks);
  let published;
  await startApp({
    broker,
    consumers: [{ queue: 'bench', options: { concurrency: 100 }, call }],
    prepare: async ({ funq, events }) => {
      const publish = (queue, count) => inFlight(count, 1000, (index) => funq.publish(queue, [index]));
      await publish('warm-up', 50_000);
      await publish('bench', queued);
      published = await timed(tasks, () => publish('bench', tasks));
      events.on('done', done);
    },
  });
  const consumed = await ended;
  return { consumed: consumed.rate, published: published.rate, memory: process.resourceUsage().maxRSS * 1024 };
}
