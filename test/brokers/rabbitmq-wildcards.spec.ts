import { randomUUID } from 'node:crypto';
import { connect, type ConsumeMessage } from 'amqplib';
import type { Broker, Outgoing, Subscription } from 'nestjs-funq';
import { rabbitmq, type RabbitOptions } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const LIMIT = { timeout: 30_000 };
const clock = new SystemClock();
const { signal } = new AbortController();
const out = (text: string, more: Partial<Outgoing> = {}): Outgoing => ({
  id: randomUUID(),
  body: Buffer.from(text),
  ...more,
});

withService('rabbitmq', (url) => {
  const open = async (options: RabbitOptions = {}): Promise<{ broker: Broker; queue: string }> => {
    const broker = rabbitmq({ url, wildcards: true, arguments: { 'x-expires': 60_000 }, ...options });
    onTestFinished(() => broker.close());
    await broker.connect({ clock });
    return { broker, queue: `wild-${randomUUID()}` };
  };
  const listen = (broker: Broker, queue: string, pattern: string): Promise<Subscription> =>
    broker.subscribe(queue, { prefetch: 10, lease: 5000, pattern });
  const next = async (subscription: Subscription): Promise<string[]> =>
    (await subscription.receive(10, signal)).map(({ body }) => Buffer.from(body).toString());

  it('a pattern that is too long for a routing key is refused, by itself where it is one of many', LIMIT, async () => {
    const { broker, queue } = await open();
    const long = `${queue}.${'é'.repeat(125)}`;
    await expect(listen(broker, queue, long)).rejects.toMatchObject({ code: 'FUNQ_RABBITMQ_NAME' });
    const failures = await broker.publish(queue, [out('long', { spread: long }), out('short', { spread: queue })]);
    expect(failures).toMatchObject([{ index: 0, error: { code: 'FUNQ_RABBITMQ_NAME' } }]);
    const longest = `${queue}.${'x'.repeat(249 - queue.length)}`;
    const longestDue = await listen(broker, `${queue}-longest`, longest);
    expect(await broker.publish(queue, [out('longest', { spread: longest, delay: 1 })])).toEqual([]);
    expect(await next(longestDue)).toEqual(['longest']);
  });

  it('brokers with another prefix have patterns of their own', LIMIT, async () => {
    const prefix = `${randomUUID()}.`;
    const { broker: one, queue } = await open({ prefix });
    const { broker: other } = await open({ prefix: `${prefix}other.` });
    const [all, others] = [await listen(one, queue, '#'), await listen(other, queue, '#')];
    await one.publish('x', [out('one', { spread: 'x' }), out('due', { spread: 'x', delay: 1 })]);
    await other.publish('x', [out('other', { spread: 'x' })]);
    expect([...(await next(all)), ...(await next(all))]).toEqual(['one', 'due']);
    expect(await next(others)).toEqual(['other']);
    await other.publish('x', [out('last', { spread: 'x', delay: 1 })]);
    expect(await next(others)).toEqual(['last']);
  });

  it('what falls due and matches nowhere stays in `funq.undelivered`', LIMIT, async () => {
    const { broker, queue } = await open();
    const message = out('due', { spread: queue, delay: 1 });
    expect(await broker.publish(queue, [message])).toEqual([]);
    const channel = await (await connected()).createChannel();
    // Whatever else lies there goes back with the channel.
    const found = await new Promise<ConsumeMessage>((resolve) => {
      const look = (each: ConsumeMessage | null): void => {
        if (each?.properties.messageId === message.id) resolve(each);
      };
      void channel.consume('funq.undelivered', look);
    });
    channel.ack(found);
    await channel.close();
  });

  it('need no delays', LIMIT, async () => {
    const { broker, queue } = await open({ delays: false });
    const all = await listen(broker, `${queue}-all`, `${queue}.#`);
    expect(await broker.publish(queue, [out('m', { spread: `${queue}.x.y` })])).toEqual([]);
    expect(await next(all)).toEqual(['m']);
  });

  it('a name among `routes` goes where that leads, and is not spread', LIMIT, async () => {
    const own = randomUUID();
    const { broker, queue } = await open({
      exchanges: { [own]: { type: 'fanout', durable: false, arguments: {} } },
      bindings: { [`${own}-fed`]: [{ exchange: own }] },
      routes: { [`${own}.name`]: { exchange: own } },
    });
    const all = await listen(broker, queue, `${own}.#`);
    const fed = await listen(broker, `${own}-fed`, `${own}-fed`);
    await broker.publish(`${own}.name`, [out('routed', { spread: `${own}.name` })]);
    expect(await next(fed)).toEqual(['routed']);
    await broker.publish(`${own}.x`, [out('spread', { spread: `${own}.x` })]);
    expect(await next(all)).toEqual(['spread']);
    const channel = await (await connected()).createChannel();
    await channel.deleteExchange(own);
  });

  it('a queue that was deleted is bound anew by those who consume it', LIMIT, async () => {
    const { broker, queue } = await open();
    const { broker: publisher } = await open();
    const all = await listen(broker, `${queue}-all`, `${queue}.#`);
    await publisher.publish(queue, [out('before', { spread: `${queue}.x` })]);
    expect(await next(all)).toEqual(['before']);
    const cancelled = expect(all.receive(1, signal)).rejects.toMatchObject({ code: 'FUNQ_RABBITMQ_CANCELLED' });
    const channel = await (await connected()).createChannel();
    await channel.deleteQueue(`${queue}-all`);
    await cancelled;
    await all.receive(1, AbortSignal.abort());
    await publisher.publish(queue, [out('after', { spread: `${queue}.x` })]);
    expect(await next(all)).toEqual(['after']);
  });

  async function connected() {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    return connection;
  }
});
