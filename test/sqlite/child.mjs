// node child.mjs <folder of the built library> <verb> <file> <queue> [number] — ends when its input does.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [built, verb, file, queue, number = '0'] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(built, path)).href);
const { sqlite } = await load('brokers/sqlite.js');
const { SystemClock } = await load('core/system-clock.js');

const say = (line) => process.stdout.write(`${line}\n`);
const stop = new AbortController();
process.stdin.resume().on('end', () => stop.abort());

const broker = sqlite({ file });
await broker.connect({ clock: new SystemClock() }).catch((error) => {
  say(`${error.code} ${error.message}`);
  process.exit(1);
});

const verbs = {
  async publish() {
    for (let n = 0; n < Number(number); n += 10) {
      const messages = Array.from({ length: 10 }, (_, i) => ({
        id: `${process.pid}-${n + i}`,
        body: Buffer.from(`${process.pid}-${n + i}`),
      }));
      for (const { error } of await broker.publish(queue, messages)) throw error;
      for (const { id } of messages) say(id);
    }
  },
  async consume() {
    const subscription = await broker.subscribe(queue, { prefetch: 50, lease: 60_000 });
    say('ready');
    while (!stop.signal.aborted) {
      const deliveries = await subscription.receive(50, stop.signal);
      const lost = await subscription.ack(deliveries);
      for (const delivery of deliveries) if (!lost.includes(delivery)) say(Buffer.from(delivery.body).toString());
    }
  },
  async hold() {
    const subscription = await broker.subscribe(queue, { prefetch: 50, lease: 600_000 });
    for (let held = 0; held < Number(number);) {
      held += (await subscription.receive(Number(number) - held, stop.signal)).length;
    }
    say('held');
    await new Promise(() => setInterval(() => {}, 60_000));
  },
};
await verbs[verb]();
await broker.close();
process.stdin.destroy();
