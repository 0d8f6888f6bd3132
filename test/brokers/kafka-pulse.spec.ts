import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import type { Broker, Delivery, OpenPulse, Pulse, Subscription } from 'nestjs-funq';
import { kafka, type KafkaOptions } from 'nestjs-funq/kafka';
import { REQUEST_TIMEOUT, readOptions } from '../../lib/brokers/kafka/options.js';
import { pulseSource } from '../../lib/brokers/kafka/pulse.js';
import { sitterOf, take as sit, type Seat } from '../../lib/brokers/kafka/seat.js';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

const clock = new SystemClock();
const SESSION = 2000;
const COUNT = 8;
const PATIENCE = 20_000;
const LIMIT = { timeout: 60_000 };
const never = new AbortController().signal;

/** A consumer in a thread of its own, with {@link COUNT} messages out. */
interface Owner {
  readonly pulse: Pulse;
  /** From now on its event loop stands still. */
  block(): Promise<unknown>;
  /** Lets it go on. Resolves to how many of its acknowledgements came too late. */
  free(): Promise<number>;
}

withService('kafka', (brokers) => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  });
  const options: KafkaOptions = { brokers, session: SESSION, partitions: 2, delays: false };

  async function open(own = options): Promise<Broker> {
    const broker = kafka(own);
    await broker.connect({ clock });
    endings.push(() => broker.close());
    return broker;
  }

  const subscribe = (broker: Broker, queue: string): Promise<Subscription> =>
    broker.subscribe(queue, { prefetch: 100, lease: 60_000 });

  async function take(subscription: Subscription): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    for (const end = clock.monotonic() + PATIENCE; taken.length < COUNT && clock.monotonic() < end;)
      taken.push(...(await subscription.receive(COUNT - taken.length, never)));
    expect(taken.length).toBe(COUNT);
    return taken;
  }

  async function publish(broker: Broker, queue: string): Promise<void> {
    const messages = Array.from({ length: COUNT }, () => ({ id: randomUUID(), body: Buffer.from('m') }));
    expect(await broker.publish(queue, messages)).toEqual([]);
  }

  async function owning(broker: Broker, queue: string): Promise<Owner> {
    await (await subscribe(broker, queue)).close();
    await publish(broker, queue);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { options, queue, count: COUNT, gate };
    const thread = new Worker(new URL('kafka-blocked.mjs', import.meta.url), { workerData });
    endings.push(() => thread.terminate());
    const said = async (): Promise<unknown> => ((await once(thread, 'message')) as unknown[])[0];
    const pulse = (await said()) as Pulse;
    return {
      pulse,
      block() {
        thread.postMessage('block');
        return said();
      },
      async free() {
        const answer = said();
        Atomics.store(gate, 0, 1);
        Atomics.notify(gate, 0);
        return (await answer) as number;
      },
    };
  }

  /** Does what the thread of the engine does while a loop is blocked. */
  async function beat({ source, id }: Pulse): Promise<void> {
    const { openPulse } = (await import(source.module)) as { readonly openPulse: OpenPulse };
    const connection = await openPulse(structuredClone(source.data) as never, { clock });
    const run = (): Promise<void> => connection.beat([structuredClone(id)]);
    await run();
    const stop = clock.every(SESSION / 4, () => void run());
    endings.push(() => (stop(), connection.close()));
  }

  it('is one source for all queues of a broker, and lasts as long as the shortest session', LIMIT, async () => {
    const broker = await open({ brokers });
    const [one, two] = [await subscribe(broker, randomUUID()), await subscribe(broker, randomUUID())];
    expect(one.pulse).toMatchObject({ source: { data: { bootstrapBrokers: [brokers] } }, lasts: 6000 });
    expect(one.pulse!.source).toBe(two.pulse!.source);
    expect(one.pulse).toBe(one.pulse);
  });

  it('is missing where another thread can not connect in the same way', () => {
    const tls = { checkServerIdentity: () => undefined };
    const sasl = { mechanism: 'PLAIN', username: 'a', password: () => 'b' } as const;
    for (const more of [{ tls }, { sasl }]) expect(pulseSource(readOptions({ brokers, ...more }))).toBeUndefined();
    const data = { sasl: { password: 'b' } };
    expect(pulseSource(readOptions({ brokers, sasl: { ...sasl, password: 'b' } }))).toMatchObject({ data });
  });

  it(
    'keeps what a blocked loop holds, and who joins meanwhile waits, for longer than a request may take',
    LIMIT,
    async () => {
      const [queue, broker] = [randomUUID(), await open()];
      const owner = await owning(broker, queue);
      await owner.block();
      await beat(owner.pulse);
      const end = clock.monotonic() + REQUEST_TIMEOUT + SESSION;
      const hungry = await subscribe(broker, queue);
      while (clock.monotonic() < end) expect(await hungry.receive(COUNT, AbortSignal.timeout(SESSION))).toEqual([]);
      expect(await owner.free()).toBe(0);
      await publish(broker, queue);
      await take(hungry);
    },
  );

  it(
    'follows the group: also when it formed anew, and when the loop did not hear of the last time',
    LIMIT,
    async () => {
      const [queue, broker] = [randomUUID(), await open()];
      const owner = await owning(broker, queue);
      const [seat] = owner.pulse.id as readonly Seat[];
      const first = sitterOf(seat!)!;
      await (await subscribe(broker, queue)).close();
      for (const end = clock.monotonic() + PATIENCE; sitterOf(seat!)!.generation < first.generation + 2;) {
        expect(clock.monotonic()).toBeLessThan(end);
        await clock.sleep(20);
      }
      const last = sitterOf(seat!)!;
      expect(last.member).toBe(first.member);
      await owner.block();
      sit(seat!, { ...last, generation: last.generation - 1 });
      await beat(owner.pulse);
      const hungry = await subscribe(broker, queue);
      expect(await hungry.receive(COUNT, AbortSignal.timeout(SESSION * 2.5))).toEqual([]);
      expect(await owner.free()).toBe(0);
    },
  );

  it('brings nothing back: what others have got meanwhile stays theirs', LIMIT, async () => {
    const [queue, broker] = [randomUUID(), await open()];
    const owner = await owning(broker, queue);
    await owner.block();
    const other = await subscribe(broker, queue);
    const taken = await take(other);
    await beat(owner.pulse);
    await clock.sleep(SESSION / 2);
    expect(await owner.free()).toBe(COUNT);
    expect(await other.ack(taken)).toEqual([]);
  });

  it('ends with its subscription: the seat is free', LIMIT, async () => {
    const subscription = await subscribe(await open(), randomUUID());
    const [seat] = subscription.pulse!.id as readonly Seat[];
    expect(sitterOf(seat!)).toMatchObject({ generation: 1 });
    await subscription.close();
    expect(sitterOf(seat!)).toBeUndefined();
  });
});
