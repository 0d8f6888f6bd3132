import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { databaseUrl, emptyDatabase, peerSchema } from '../support/postgres.mjs';
import { inFlight, stopwatch, timed, warmed } from '../support/timing.mjs';

const logger = new Logger(() => () => undefined);
/** Its documented way to high throughput: a local queue, and completions in batches. */
const TUNED = {
  concurrentJobs: 100,
  maxPoolSize: 10,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

/** `way`: 'consume' what waits, or publish 'one by one' in flight, or 'many' in each call. */
export async function measure({ tasks, way = 'consume' }) {
  await (await emptyDatabase()).end();
  const common = { connectionString: databaseUrl(), schema: peerSchema('graphile') };
  const utils = await makeWorkerUtils({ ...common, logger, maxPoolSize: 10 });
  await utils.migrate();
  const many = async (count) => {
    for (let at = 0; at < count; at += 500)
      await utils.addJobs(
        Array.from({ length: 500 }, (_, index) => ({ identifier: 'bench', payload: { args: [at + index] } })),
      );
  };
  const single = (count) => inFlight(count, 1000, (index) => utils.addJob('bench', { args: [index] }));
  if (way === 'consume') return warmed(() => consumed(common, many, tasks / 4), () => consumed(common, many, tasks)); // prettier-ignore
  const publish = way === 'many' ? many : single;
  return warmed(() => publish(tasks / 4), () => timed(tasks, () => publish(tasks))); // prettier-ignore
}

async function consumed(common, fill, tasks) {
  await fill(tasks);
  globalThis.gc?.();
  let stop;
  const bench = async () => {
    stop ??= stopwatch(tasks);
  };
  const preset = { worker: { connectionString: common.connectionString, schema: common.schema, ...TUNED } };
  const runner = await run({ preset, logger, noHandleSignals: true, taskList: { bench } });
  let left = tasks;
  const figures = await new Promise((resolve) => {
    runner.events.on('job:complete', () => {
      if (--left === 0) resolve(stop());
    });
  });
  await runner.stop();
  return figures;
}
