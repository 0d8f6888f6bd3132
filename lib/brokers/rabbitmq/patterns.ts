import type { Channel } from 'amqplib';
import { unfit } from '../support/driver-error.js';
import { DUE_EXCHANGE, UNDELIVERED, declareDue, type WayOf } from './delays.js';
import type { Destination } from './outlet.js';

/** Bytes that leave room for {@link DUE}. */
const LONGEST_KEY = 250;

/** The word before each key that falls due: no queue's name holds this sign, so none is taken for such a key. */
const DUE = '>.';

/** Topic exchanges to which a queue is bound under the pattern of those who consume it: one for what is spread at once, one for what falls due. */
export class RabbitPatterns {
  readonly #due: string;

  constructor(
    private readonly exchange: string,
    private readonly delays: boolean,
  ) {
    this.#due = `${exchange}.due`;
  }

  async declare(channel: Channel): Promise<void> {
    await channel.assertExchange(this.exchange, 'topic', { durable: true });
    if (!this.delays) return;
    await declareDue(channel);
    await channel.assertExchange(this.#due, 'topic', { durable: true, alternateExchange: UNDELIVERED });
    await channel.bindExchange(this.#due, DUE_EXCHANGE.name, this.#due);
  }

  /** Of what is too long to be a routing key. */
  refusal(key: string): Error | undefined {
    if (Buffer.byteLength(key) <= LONGEST_KEY) return undefined;
    return unfit(
      'FUNQ_RABBITMQ_NAME',
      `with \`wildcards\` a pattern may have ${LONGEST_KEY} bytes on rabbitmq, its prefix included: ${key}`,
    );
  }

  /** For as long as the queue lives. */
  async bind(channel: Channel, name: string, pattern: string): Promise<void> {
    const error = this.refusal(pattern);
    if (error) throw error;
    await this.declare(channel);
    await channel.bindQueue(name, this.exchange, pattern);
    if (this.delays) await channel.bindQueue(name, this.#due, DUE + pattern);
  }

  /**
   * A delayed message has two routing keys: by one of them `funq.due` hands it on to the patterns, which look at the other. It is
   * not bound to the queue of its name there, for that one may have no part in it.
   */
  wayOf(key: string, delay: number, wayOf: WayOf | undefined): Destination {
    if (delay <= 0 || !wayOf) return { exchange: this.exchange, key };
    const way = wayOf(delay);
    return { ...way, key: this.#due, headers: { ...way.headers, BCC: [DUE + key] }, waits: true };
  }
}
