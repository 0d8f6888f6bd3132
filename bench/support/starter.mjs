// One of the processes that start tasks under a rate; tells the moments of its starts.
import { startApp } from './funq-app.mjs';
import { inFlight } from './timing.mjs';

const { broker, file, rate, longest, tasks, ms, shared } = JSON.parse(process.argv[2]);
const starts = [];
const call = async () => {
  starts.push(performance.timeOrigin + performance.now());
  if (longest > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
};
const options = { rate: { starts: rate, ...(shared && { scope: 'shared' }) } };
await startApp({
  broker,
  file,
  consumers: [{ queue: 'bench', options, call }],
  // What is in memory is in this process alone.
  prepare: async ({ funq }) => {
    if (broker === 'memory') await inFlight(tasks, 1000, (index) => funq.publish('bench', [index]));
  },
});
setTimeout(() => process.send(starts, () => process.exit(0)), ms);
