import { JsonCodec, type Broker, type ConsumerOptions, type DeadLetter, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { createEnvelope } from '../../lib/core/envelope.js';
import { Events, type EngineEvents, type EventName } from '../../lib/core/events.js';
import type { Heartbeat } from '../../lib/core/heartbeat/heartbeat.js';
import { Outbox } from '../../lib/core/outbox.js';
import { createPolicy } from '../../lib/core/options/policy.js';
import { Quarantine } from '../../lib/core/consuming/quarantine.js';
import { Worker } from '../../lib/core/consuming/worker.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { faulty, type Faults } from './faulty-broker.js';

export const QUEUE = 'work';

interface Settings {
  faults?: Faults;
  options?: ConsumerOptions;
  inner?: Broker;
  maxPayload?: number;
  heartbeat?: Heartbeat;
}

/** One worker on a memory broker, without Nest, on a clock that stands still. */
export async function engine(
  handler: (task: Task) => unknown,
  { faults = {}, options = {}, inner = memory(), maxPayload = 2 ** 20, heartbeat }: Settings = {},
) {
  const clock = new ManualClock();
  const events = new Events();
  const codec = new JsonCodec();
  const broker = faulty(inner, faults);
  await broker.connect({ clock });
  const outbox = new Outbox({ name: 'default', broker, clock, events, publishTimeout: 5000 });
  const policy = createPolicy('Test.handler', { queue: QUEUE, ...options });
  const worker = new Worker({
    policy,
    broker,
    outbox,
    codec,
    clock,
    events,
    quarantine: new Quarantine(),
    maxPayload,
    heartbeat,
    invoke: async (task) => {
      task.called();
      return handler(task);
    },
  });
  const told: [EventName, unknown][] = [];
  for (const name of NAMES) events.on(name, (event) => told.push([name, event]));
  return {
    clock,
    events,
    codec,
    broker,
    outbox,
    worker,
    /** Names of the events so far. */
    names: () => told.map(([name]) => name),
    told: <K extends EventName>(name: K) =>
      told.filter(([own]) => own === name).map(([, event]) => event as EngineEvents[K]),
    publish: (...args: unknown[]) => {
      const envelope = createEnvelope({ args, publishedAt: clock.now() });
      return outbox.publish(QUEUE, { id: envelope.id, body: codec.encode(envelope) });
    },
    deadLetters: async (): Promise<DeadLetter[]> => {
      const subscription = await inner.subscribe(`${QUEUE}.dead`, { prefetch: 1000, lease: 10_000 });
      const aborted = AbortSignal.abort();
      const letters = await subscription.receive(1000, aborted);
      await subscription.close();
      return letters.map(({ body }) => codec.decodeDeadLetter(body));
    },
    stop: async () => {
      const stopping = worker.stop(0);
      for (let i = 0; i < 3; i++) await clock.advance(2000);
      await stopping;
    },
  };
}

const NAMES: readonly EventName[] = [
  'started', 'done', 'failed', 'retried', 'requeued', 'deferred', 'dead', 'released', 'late', 'leaseLost', 'newerVersion',
  'settleFailed', 'brokerError', 'recovered', 'discarded',
]; // prettier-ignore
