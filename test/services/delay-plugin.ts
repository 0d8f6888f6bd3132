import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';

/** Whether the RabbitMQ at `url` knows exchanges that delay. */
export async function hasDelayPlugin(url: string): Promise<boolean> {
  const connection = await connect(url);
  // What is unknown ends the connection.
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    const options = { durable: false, autoDelete: true, arguments: { 'x-delayed-type': 'fanout' } };
    const { exchange } = await channel.assertExchange(`delays-${randomUUID()}`, 'x-delayed-message', options);
    await channel.deleteExchange(exchange);
    return true;
  } catch {
    return false;
  } finally {
    await connection.close().catch(() => undefined);
  }
}
