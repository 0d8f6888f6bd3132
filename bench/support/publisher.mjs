// Publishes to a broker that another process consumes from: as many tasks as it is told, in the way that it is told.
import { once } from 'node:events';
import { startApp } from './funq-app.mjs';
import { publishing } from './latency.mjs';

const { broker, file, perSecond } = JSON.parse(process.argv[2]);
const { funq, close } = await startApp({ broker, file });
const publish = publishing((at) => funq.publish('bench', [at]), perSecond);
process.send('ready');
for (;;) {
  const [order] = await once(process, 'message');
  if (!order) break;
  await publish(order.count, order.paced);
}
await close();
process.disconnect();
