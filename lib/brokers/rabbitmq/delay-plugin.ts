import type { Channel } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import { RabbitConnection } from './connection.js';
import { DUE_EXCHANGE, declareEnd, type DelayWay, type RabbitDelays, type WayOf } from './delays.js';
import { isRefused } from './error.js';
import type { RabbitServer } from './server.js';

/** Longest, in milliseconds, that the plug-in delays; what shall wait longer it would send on at once. */
const LONGEST = 2 ** 32 - 1;

const LATER = 'funq.later';

/** Never returned to the publisher: while it waits no queue has the message, and later nobody listens. */
function wayOf(delay: number): DelayWay {
  return { exchange: LATER, headers: { 'x-delay': Math.ceil(delay) }, mandatory: false };
}

/** Delays by the server's plug-in `rabbitmq_delayed_message_exchange` where it has that, else, and beyond 49 days, by `ladder`. */
export class RabbitDelayPlugin implements RabbitDelays {
  #found: Promise<boolean> | undefined;

  constructor(
    /** Declares the plug-in's exchange; whether the server could do it. Rejects when it did not say. */
    private readonly find: () => Promise<boolean>,
    private readonly ladder: RabbitDelays,
  ) {}

  async prepare(longest: number): Promise<WayOf> {
    const found = await this.#find();
    if (found && longest <= LONGEST) return wayOf;
    const ladderOf = await this.ladder.prepare(longest);
    return (delay) => (found && delay <= LONGEST ? wayOf(delay) : ladderOf(delay));
  }

  forget(): void {
    this.#found = undefined;
    this.ladder.forget();
  }

  /** Asked once for all that waits now, and again after no answer: the ladder does meanwhile. */
  #find(): Promise<boolean> {
    this.#found ??= this.find().catch(() => {
      this.#found = undefined;
      return false;
    });
    return this.#found;
  }
}

/** An exchange of an unknown type costs the connection that declares it, so this takes one of its own. */
export async function findDelayPlugin(server: RabbitServer, clock: Clock): Promise<boolean> {
  if (server.given) return false;
  const connection = new RabbitConnection(server, clock);
  try {
    const model = await connection.use();
    let ended: Error | undefined;
    model.once('error', (error: Error) => (ended = error));
    return await connection.apart(declareLater).then(
      () => true,
      (error: unknown) => {
        if (isRefused(ended ?? error)) return false;
        throw error;
      },
    );
  } finally {
    await connection.close();
  }
}

async function declareLater(channel: Channel): Promise<void> {
  await declareEnd(channel);
  await channel.assertExchange(LATER, 'x-delayed-message', {
    durable: true,
    arguments: { 'x-delayed-type': 'fanout' },
  });
  await channel.bindExchange(DUE_EXCHANGE.name, LATER, '');
}
