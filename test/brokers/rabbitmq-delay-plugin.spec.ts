import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { hasDelayPlugin } from '../services/delay-plugin.js';
import { withService } from '../services/service.js';

withService('rabbitmq', async (url) => {
  if (!(await hasDelayPlugin(url))) {
    it.skip('rabbitmq_delayed_message_exchange is not up: enable this plug-in on the server, and set AMQP_URL');
    return;
  }
  const base: RabbitOptions = { url, delays: 'plugin', arguments: { 'x-expires': 120_000 } };
  const kit = (options: RabbitOptions) =>
    brokerConformance({
      create: () => rabbitmq({ ...base, ...options }),
      lease: false,
      purgesDelayed: false,
      topPriority: 10,
    }).filter(({ name }) => /delay/.test(name));
  conforms('quorum queues', kit({ prefix: 'qp-' }), { describe, it });
  conforms('classic queues', kit({ type: 'classic', prefix: 'cp-' }), { describe, it });

  it('it is the plug-in that delays', { timeout: 30_000 }, async () => {
    const broker = rabbitmq(base);
    onTestFinished(() => broker.close());
    await broker.connect({ clock: new SystemClock() });
    const queue = `plugin-${randomUUID()}`;
    expect(await broker.publish(queue, [{ id: '1', body: Buffer.from('m'), delay: 50 }])).toEqual([]);
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    const due = await vi.waitUntil(() => channel.get(queue, { noAck: true }));
    // It writes down that it did.
    expect(due.properties.headers).toMatchObject({ 'x-delay': -50 });
  });
});
