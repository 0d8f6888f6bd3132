import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { temporaryFile } from '../support/brokers.mjs';
import { startApp } from '../support/funq-app.mjs';
import { percentile } from '../support/timing.mjs';

/** Milliseconds on a clock that all processes of the machine share. */
const now = () => performance.timeOrigin + performance.now();
const PUBLISHER = fileURLToPath(new URL('../support/publisher.mjs', import.meta.url));

/** From the call of `publish` to the first line of the method, at `perSecond` tasks; `remote`: published by another process. */
export async function measure({ broker, perSecond, tasks, remote = false }) {
  const waits = [];
  const file = temporaryFile();
  await new Promise((resolve, reject) => {
    const call = async (publishedAt) => {
      waits.push(now() - publishedAt);
      if (waits.length === tasks) resolve();
    };
    start({ broker, file, call, perSecond, tasks, remote }).catch(reject);
  });
  // The first tenth warms up.
  const counted = waits.slice(tasks / 10);
  return { half: percentile(counted, 0.5), most: percentile(counted, 0.99) };
}

async function start({ broker, file, call, perSecond, tasks, remote }) {
  const { funq } = await startApp({
    broker,
    file,
    consumers: [{ queue: 'bench', options: { concurrency: 100 }, call }],
  });
  if (remote) fork(PUBLISHER, [JSON.stringify({ broker, file, perSecond, tasks })], { execArgv: [] });
  else await paced(tasks, perSecond, () => funq.publish('bench', [now()]));
}

/** Calls `send` on an absolute schedule, so that a late one does not put off the others. */
export async function paced(count, perSecond, send) {
  const from = performance.now();
  for (let index = 0; index < count; index++) {
    const wait = from + (index / perSecond) * 1000 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    void send();
  }
}
