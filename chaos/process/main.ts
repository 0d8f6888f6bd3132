// One process of a run: consumes, or publishes as many tasks as it is told. Started by `rig/fleet.ts`.
import 'reflect-metadata';
import { FunqPublisher } from 'nestjs-funq';
import { LedgerWriter } from '../rig/ledger.js';
import { createApp } from './app.js';
import { WEIGH, type ProcessOrder, type PublishOrder } from './order.js';
import { ChaosPublisher } from './publisher.js';
import { weight } from './weight.js';
import { keepCalling } from './rpc.caller.js';
import { createCallee } from './rpc.callee.js';

const order = JSON.parse(process.argv[2]!) as ProcessOrder;
const app = order.role === 'callee' ? await createCallee(order) : await createApp(order);
app.enableShutdownHooks();
if (order.role === 'caller') void keepCalling(order);
if (order.role === 'publisher') {
  const publisher = new ChaosPublisher(app.get(FunqPublisher), app.get(LedgerWriter), order);
  let orders = Promise.resolve();
  process.on('message', (order: PublishOrder | typeof WEIGH) => {
    if (order !== WEIGH) orders = orders.then(() => publisher.publish(order));
  });
}
process.on('message', (order) => {
  if (order === WEIGH) process.send!(weight());
});
process.on('disconnect', () => process.exit(0));
process.send!('ready');
