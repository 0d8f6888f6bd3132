import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { temporaryFile } from '../support/brokers.mjs';
import { startApp } from '../support/funq-app.mjs';
import { latency } from '../support/latency.mjs';

const PUBLISHER = fileURLToPath(new URL('../support/publisher.mjs', import.meta.url));

/** From the call of `publish` to the first line of the method, through Nest; `remote`: published by another process. */
export function measure({ broker, remote = false, ...pace }) {
  const file = temporaryFile();
  return latency(pace, async (started) => {
    const call = async (at) => started(at);
    const consumers = [{ queue: 'bench', options: { concurrency: 100 }, call }];
    const { funq, close } = await startApp({ broker, file, consumers });
    if (!remote) return { send: (at) => funq.publish('bench', [at]), close };
    const publisher = fork(PUBLISHER, [JSON.stringify({ broker, file, ...pace })], { execArgv: [] });
    await once(publisher, 'message');
    return {
      publish: (count, paced) => publisher.send({ count, paced }),
      close: async () => {
        publisher.send(false);
        await once(publisher, 'exit');
        await close();
      },
    };
  });
}
