import type { Channel } from 'amqplib';

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

/** Where a delay ends; each queue is bound to it under its own name. */
export const DUE_EXCHANGE = {
  name: 'funq.due',
  type: 'direct',
  options: { durable: true, alternateExchange: 'funq.undelivered' },
} as const;

/** What comes due for a queue that was deleted meanwhile stays in the queue of this name. */
const UNDELIVERED = 'funq.undelivered';

/**
 * Delays made of queues in which every message waits equally long, so none is held up by one before it. A message walks down
 * the levels and waits in those that its headers name. Shared by all queues of the virtual host and kept by the server;
 * what moves from level to level is confirmed before it leaves the one above.
 */
export class RabbitDelays {
  #levels = 0;
  #building: Promise<void> = Promise.resolve();

  constructor(private readonly apart: <T>(work: (channel: Channel) => Promise<T>) => Promise<T>) {}

  /** The exchange to publish to, and the headers that say which levels to wait in. Declares what is missing. */
  async way(delay: number): Promise<{ readonly exchange: string; readonly headers: Record<string, boolean> }> {
    const headers: Record<string, boolean> = {};
    let units = Math.ceil(delay / UNIT);
    let top = -1;
    for (let level = LEVELS - 1; level >= 0; level--) {
      const takes = units * UNIT >= wait(level);
      if (takes) units -= wait(level) / UNIT;
      if (takes && top < 0) top = level;
      if (top >= 0) headers[headerOf(level)] = takes;
    }
    await this.#build(top + 1);
    return { exchange: nameOf(top), headers };
  }

  /** The server may have lost them. */
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

async function declareEnd(channel: Channel): Promise<void> {
  await channel.assertExchange(UNDELIVERED, 'fanout', { durable: true });
  await channel.assertQueue(UNDELIVERED, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(UNDELIVERED, UNDELIVERED, '');
  await channel.assertExchange(DUE_EXCHANGE.name, DUE_EXCHANGE.type, DUE_EXCHANGE.options);
}
