import { openRaw, send } from '../support/raw-rabbitmq.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { inFlight, timed, warmed } from '../support/timing.mjs';

/** amqplib alone: persistent messages on a confirm channel, `width` of them unconfirmed. */
export async function measure({ tasks, type, width = 1000 }) {
  const { publisher, queue, close } = await openRaw(type);
  const publish = (count) => inFlight(count, width, (index) => send(publisher, queue, body(index)));
  const figures = await warmed(
    () => publish(tasks / 4),
    () => timed(tasks, () => publish(tasks)),
  );
  await close();
  return figures;
}
