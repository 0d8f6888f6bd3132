import assert from 'node:assert/strict';
import type { Broker, Delivery } from '../../contracts/broker.js';
import { Random } from '../random.js';
import { numbered, sameTexts, textOf, texts, type BrokerCase, type BrokerFacts, type BrokerTrial } from './trial.js';

const CONSUMERS = 3;
/** The consumers stop at this part of all, so that something is left to drain. */
const ENOUGH = 0.95;

/** Everything at once, at random. */
export function soakCases({ features, seed, counts, soak }: BrokerFacts): BrokerCase[] {
  return [
    {
      name: `soak: ${soak.toLocaleString('en')} messages through random acks, releases and closed subscriptions, each done once`,
      skip: features.redelivery === 'none' && 'what a consumer leaves never comes back',
      timeout: 120_000,
      async run(trial) {
        try {
          const broker = await trial.open();
          const log = new Log();
          const consumers = Array.from({ length: CONSUMERS }, async (_, index) =>
            consume(trial, index % 2 ? await trial.reach(broker) : broker, new Random(seed + index + 1), log),
          );
          await Promise.all([publish(trial, broker, new Random(seed)), ...consumers]);
          await drain(trial, broker, log);
          sameTexts([...log.done], numbered(soak), 'acknowledged + left must be what was published');
          if (counts) assert.equal(await broker.count?.(trial.queue), 0);
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      },
    },
  ];
}

/** Whose each message is. A message may be handed out when it is nobody's, and never again once it is done. */
class Log {
  readonly done = new Set<string>();
  readonly #held = new Set<string>();

  took(deliveries: readonly Delivery[]): void {
    for (const name of texts(deliveries)) {
      assert.ok(!this.done.has(name), `${name} was acknowledged and came again`);
      assert.ok(!this.#held.has(name), `${name} is held by one consumer and came to another`);
      this.#held.add(name);
    }
  }

  /** Told before the broker hears of it: from then on anybody may get them. */
  gaveBack(deliveries: readonly Delivery[]): void {
    for (const name of texts(deliveries)) this.#held.delete(name);
  }

  acknowledged(deliveries: readonly Delivery[]): void {
    for (const name of texts(deliveries)) this.done.add(name);
  }
}

async function publish(trial: BrokerTrial, broker: Broker, random: Random): Promise<void> {
  const names = numbered(trial.facts.soak);
  for (let at = 0; at < names.length;) {
    const size = random.chance(0.3) ? 1 : random.between(2, 200);
    await trial.publish(broker, names.slice(at, at + size));
    at += size;
    if (random.chance(0.1)) await trial.clock.sleep(random.between(0, 3));
  }
}

async function consume(trial: BrokerTrial, broker: Broker, random: Random, log: Log): Promise<void> {
  let subscription = await trial.subscribe(broker);
  let held: Delivery[] = [];
  const settle = async (): Promise<void> => {
    const batch = held.filter(() => random.chance(0.8));
    held = held.filter((delivery) => !batch.includes(delivery));
    const back = batch.filter(() => random.chance(0.15));
    const done = batch.filter((delivery) => !back.includes(delivery));
    log.gaveBack(back);
    const [refusedAcks, refusedReleases] = await Promise.all([subscription.ack(done), subscription.release(back)]);
    log.acknowledged(done);
    assert.deepEqual([...refusedAcks, ...refusedReleases].map(textOf), [], 'all of these were ours');
  };
  let until = trial.clock.monotonic() + trial.facts.patience;
  while (log.done.size < trial.facts.soak * ENOUGH && trial.clock.monotonic() < until) {
    const max = random.between(1, 100);
    const taken = await trial.within(random.between(1, 100), (signal) => subscription.receive(max, signal));
    assert.ok(taken.length <= max, `receive(${max}) gave ${taken.length}`);
    log.took(taken);
    held.push(...taken);
    if (taken.length > 0) until = trial.clock.monotonic() + trial.facts.patience;
    await settle();
    if (random.chance(0.03)) {
      log.gaveBack(held.splice(0));
      await subscription.close();
      subscription = await trial.subscribe(broker);
    }
  }
  log.gaveBack(held);
  await subscription.close();
}

async function drain(trial: BrokerTrial, broker: Broker, log: Log): Promise<void> {
  const subscription = await trial.subscribe(broker);
  while (log.done.size < trial.facts.soak) {
    const taken = await trial.take(subscription, 1);
    log.took(taken);
    assert.deepEqual(await subscription.ack(taken), []);
    log.acknowledged(taken);
  }
  await trial.quiet(subscription);
}
