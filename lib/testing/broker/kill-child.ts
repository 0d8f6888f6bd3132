import type { Broker, Delivery } from '../../contracts/broker.js';
import { SystemClock } from '../../core/system-clock.js';
import { Ledger, type LedgerEvent } from './ledger.js';
import type { WorkerOrder, WorkerTask } from './workers.js';

/**
 * A program: consumes one queue and writes all that happens into a ledger, until it is told to stop or kills itself.
 * Started by `workers.ts` with its task as JSON in the first argument.
 */
await perform(JSON.parse(process.argv[2] ?? '{}') as WorkerTask);
if (process.connected) process.disconnect();

async function perform({ module, export: name, argument, order }: WorkerTask): Promise<void> {
  const source = (await import(module)) as Record<string, (argument: unknown) => Broker>;
  const create = source[name];
  if (!create) throw new Error(`${module} has no export '${name}'`);
  const stop = new AbortController();
  process.on('message', () => stop.abort());
  // Without its parent it has nothing to do.
  process.on('disconnect', () => stop.abort());
  const broker = create(argument);
  await consume(broker, order, stop.signal);
  await broker.close();
}

async function consume(broker: Broker, order: WorkerOrder, stop: AbortSignal): Promise<void> {
  const clock = new SystemClock();
  const ledger = new Ledger(order.ledger);
  let held: readonly Delivery[] = [];
  const note = (event: LedgerEvent, deliveries: readonly Delivery[]): void => {
    for (const { body, redelivered } of deliveries) {
      ledger.write(event, process.pid, Buffer.from(body).toString(), redelivered);
    }
  };
  const step = async (event: LedgerEvent): Promise<void> => {
    note(event, held);
    if (held.length === 0 || order.die !== event) return;
    process.kill(process.pid, 'SIGKILL');
    // The signal comes from outside; nothing may happen before it does.
    await new Promise(() => {});
  };

  await broker.connect({ clock });
  const subscription = await broker.subscribe(order.queue, { prefetch: order.max, lease: order.lease });
  const stopExtending = clock.every(order.lease / 4, () => {
    void subscription.extend?.(held).then((lost) => note('lost', lost));
  });
  while (!stop.aborted) {
    held = await subscription.receive(order.max, stop);
    await step('claim');
    await step('start');
    if (held.length > 0) await clock.sleep(order.work, stop);
    if (stop.aborted) {
      note('lost', await subscription.release(held));
      note('release', held);
      break;
    }
    await step('end');
    const lost = await subscription.ack(held);
    note('lost', lost);
    const done = held.filter((delivery) => !lost.includes(delivery));
    note('ack', done);
    held = [];
  }
  stopExtending();
  await subscription.close();
}
