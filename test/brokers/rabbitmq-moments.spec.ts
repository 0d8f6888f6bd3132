import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';
import { next, out, pause, persist, relay, signal, textOf, trialOn, type Pair } from './rabbitmq-trial.js';

const LIMIT = { timeout: 60_000 };
/** A frame of a method of the server, for channel 0. */
function frame(classId: number, methodId: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(rest.length + 4, 3);
  head.writeUInt16BE(classId, 7);
  head.writeUInt16BE(methodId, 9);
  return Buffer.concat([head, rest, Buffer.from([0xce])]);
}
const BLOCKED = frame(10, 60, Buffer.from('\x0alow memory', 'latin1'));
const UNBLOCKED = frame(10, 61, Buffer.alloc(0));
/** CONNECTION_FORCED */
const SHUTDOWN = frame(10, 50, Buffer.concat([Buffer.from([1, 64, 4]), Buffer.from('stop'), Buffer.alloc(4)]));

/** What `more` returns for a piece of what the server said goes with it. */
const adding =
  (more: (piece: Buffer) => Buffer | undefined) =>
  ({ client, server }: Pair) => {
    client.on('data', (piece) => server.write(piece));
    server.on('data', (piece) => client.write(Buffer.concat([piece, more(piece) ?? Buffer.alloc(0)])));
  };

withService('rabbitmq', (url) => {
  const { open, raw } = trialOn(url);

  it('a message that nobody got is not taken for another one of its id', LIMIT, async () => {
    const exchange = `moments-${randomUUID()}`;
    const { broker, queue } = await open({
      type: 'classic',
      exchanges: { [exchange]: { type: 'fanout', durable: false } },
      routes: { told: { exchange } },
    });
    onTestFinished(async () => void (await (await raw()).deleteExchange(exchange)));
    expect(await broker.publish(queue, [out('first')])).toEqual([]);
    expect(await broker.publish('told', [out('first')])).toHaveLength(1);
    const wrong: string[] = [];
    for (let n = 0; n < 20; n++) {
      const messages = Array.from({ length: 200 }, (_, n) => out(`${n}`));
      const [stored, told] = await Promise.all([broker.publish(queue, messages), broker.publish('told', messages)]);
      if (stored.length !== 0 || told.length !== 200) wrong.push(`${n}: ${stored.length} ${told.length}`);
    }
    expect(wrong).toEqual([]);
    expect(await broker.count!(queue)).toBe(4001);
  });

  it('what is given back goes to no other queue', LIMIT, async () => {
    const { broker, queue } = await open();
    const other = `${queue}-other`;
    await broker.publish(queue, [out('first')]);
    await broker.publish(other, [out('first')]);
    await broker.purge!(queue);
    await broker.purge!(other);
    const channel = await raw();
    channel.sendToQueue(queue, Buffer.from('foreign'), { CC: [other], persistent: true });
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 5000 });
    const delivery = await next(subscription);
    await vi.waitFor(async () => expect(await broker.count!(other)).toBe(1));
    await subscription.release([delivery]);
    await vi.waitFor(async () => expect(await broker.count!(queue)).toBe(1));
    expect(await broker.count!(other)).toBe(1);
  });

  it('a count of another sender is no count of the server', LIMIT, async () => {
    const { broker, queue } = await open();
    await broker.publish(queue, [out('first')]);
    await broker.purge!(queue);
    (await raw()).sendToQueue(queue, Buffer.from('foreign'), { headers: { 'x-delivery-count': 7 } });
    const subscription = await broker.subscribe(queue, { prefetch: 1, lease: 5000 });
    expect((await next(subscription)).redelivered).toBe(0);
  });

  it('a connection that was handed in is left as it was', LIMIT, async () => {
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channels = () =>
      (connection.connection as unknown as { channels: unknown[] }).channels.filter(Boolean).length;
    const before = [channels(), connection.listenerCount('close'), connection.listenerCount('blocked')];
    for (let n = 0; n < 3; n++) {
      const broker = rabbitmq({ connection, arguments: { 'x-expires': 60_000 } });
      await broker.connect({ clock: new SystemClock() });
      await broker.publish(`moments-${randomUUID()}`, [out('x')]);
      await broker.close();
    }
    await pause(500);
    expect([channels(), connection.listenerCount('close'), connection.listenerCount('blocked')]).toEqual(before);
  });

  it('a level of the delays that was deleted is made anew', LIMIT, async () => {
    const { broker, queue } = await open();
    const delay = 100 * 2 ** 25 + 100 * 2 ** 25;
    expect(await broker.publish(queue, [out('a', { delay })])).toEqual([]);
    await (await raw()).deleteQueue('funq.delay.33');
    expect(await broker.publish(queue, [out('a', { delay })])).toEqual([]);
  });

  it('what was fetched ahead while the server takes no messages is not held for ever', LIMIT, async () => {
    const { pairs, url: proxied } = await relay(
      url,
      adding(() => undefined),
    );
    const { broker: other, queue } = await open();
    const { broker } = await open({ url: proxied });
    const [publishing] = pairs;
    const subscription = await broker.subscribe(queue, { prefetch: 10, lease: 5000 });
    const first = subscription.receive(10, signal);
    await other.publish(queue, [out('first')]);
    expect(await first).toHaveLength(1);
    publishing!.client.write(BLOCKED);
    await other.publish(
      queue,
      ['1', '2', '3'].map((text) => out(text)),
    );
    await pause(1500);
    publishing!.client.write(UNBLOCKED);
    const seen: string[] = [];
    for (let n = 0; n < 3 && seen.length < 3; n++) seen.push(...(await subscription.receive(10, signal)).map(textOf));
    expect(seen.toSorted()).toEqual(['1', '2', '3']);
  });

  it.each([
    ['the connection', 10, 41],
    ['the channel', 85, 11],
  ])('a server that stops right after it opened %s is connected to anew', LIMIT, async (_, classId, methodId) => {
    let times = 1;
    const { url: proxied } = await relay(
      url,
      adding((piece) => {
        const [found, wanted] = [
          piece.subarray(7, 11).toString('hex'),
          frame(classId, methodId, Buffer.alloc(0)).subarray(7, 11),
        ];
        return found === wanted.toString('hex') && times-- > 0 ? SHUTDOWN : undefined;
      }),
    );
    const broker = rabbitmq({ url: proxied, arguments: { 'x-expires': 60_000 } });
    onTestFinished(() => broker.close());
    await broker.connect({ clock: new SystemClock() }).catch(() => undefined);
    expect(times).toBeLessThan(1);
    expect(await persist(() => broker.publish(`moments-${randomUUID()}`, [out('again')]), 10_000)).toEqual([]);
  });
});
