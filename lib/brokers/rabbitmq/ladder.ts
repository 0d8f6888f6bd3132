import type { Channel } from 'amqplib';
import { DUE_EXCHANGE, declareEnd, type DelayWay, type RabbitDelays, type WayOf } from './delays.js';

/** Milliseconds of the shortest level; every delay is rounded up to a multiple of it. */
const UNIT = 100;
/** Each level doubles the one below, up to 38 days, near the longest that the server lets a message live. */
const DOUBLING = 26;
/** Then some more of the longest, so that a year can be waited for. */
const LEVELS = DOUBLING + 8;

const wait = (level: number): number => UNIT * 2 ** Math.min(level, DOUBLING - 1);
const nameOf = (level: number): string => `funq.delay.${level}`;
const headerOf = (level: number): string => `funq-delay-${level}`;

export const LONGEST_DELAY = Array.from({ length: LEVELS }, (_, level) => wait(level)).reduce((a, b) => a + b, 0);

/** To the highest level that is needed, with headers that say which to wait in. */
function wayOf(delay: number): DelayWay {
  const headers: Record<string, boolean> = {};
  let exchange = '';
  let units = Math.max(1, Math.ceil(delay / UNIT));
  for (let level = LEVELS - 1; level >= 0; level--) {
    const takes = units * UNIT >= wait(level);
    if (takes) units -= wait(level) / UNIT;
    if (takes) exchange ||= nameOf(level);
    if (exchange) headers[headerOf(level)] = takes;
  }
  return { exchange, headers, mandatory: true };
}

/**
 * Delays made of queues in which every message waits equally long, so none is held up by one before it. A message walks down
 * the levels and waits in those that its headers name. Shared by all queues of the virtual host and kept by the server;
 * what moves from level to level is confirmed before it leaves the one above.
 */
export class RabbitLadder implements RabbitDelays {
  #levels = 0;
  #building: Promise<void> = Promise.resolve();

  constructor(private readonly apart: <T>(work: (channel: Channel) => Promise<T>) => Promise<T>) {}

  async prepare(longest: number): Promise<WayOf> {
    const { exchange } = wayOf(longest);
    await this.#build(1 + Array.from({ length: LEVELS }, (_, level) => nameOf(level)).indexOf(exchange));
    return wayOf;
  }

  forget(): void {
    this.#levels = 0;
  }

  async #build(levels: number): Promise<void> {
    if (levels <= this.#levels) return;
    this.#building = this.#building
      .catch(() => undefined)
      .then(async () => {
        for (let level = this.#levels; level < levels; level++) {
          await this.apart((channel) => declareLevel(channel, level));
          this.#levels = level + 1;
        }
      });
    await this.#building;
  }
}

async function declareLevel(channel: Channel, level: number): Promise<void> {
  const name = nameOf(level);
  const below = level > 0 ? nameOf(level - 1) : DUE_EXCHANGE.name;
  if (level === 0) await declareEnd(channel);
  await channel.assertExchange(name, 'headers', { durable: true });
  await channel.assertQueue(name, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-message-ttl': wait(level),
      'x-dead-letter-exchange': below,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  });
  await channel.bindQueue(name, name, '', { 'x-match': 'all', [headerOf(level)]: true });
  await channel.bindExchange(below, name, '', { 'x-match': 'all', [headerOf(level)]: false });
}
