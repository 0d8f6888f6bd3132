import { Admin, ConnectionPool } from '@platformatic/kafka';
import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { driverError } from '../support/driver-error.js';
import { cutOff, kafkaError } from './error.js';
import type { KafkaSettings } from './options.js';

/** What all queues of one broker object use together. */
export interface KafkaClients {
  readonly clock: Clock;
  /** Also knows who is in charge of which partition. */
  readonly admin: Admin;
  /** Connections for messages that are published. */
  readonly messages: ConnectionPool;
  /** Connections for commits: those of the groups may be held up while a group forms anew. */
  readonly commits: ConnectionPool;
}

/** From `connect` to `close`; the clients are replaced when they failed, for what was silent once may stay so. */
export class KafkaSession {
  #clock: Clock | undefined;
  #opening: Promise<KafkaClients> | undefined;

  constructor(private readonly settings: KafkaSettings) {}

  async connect({ clock }: ConnectContext): Promise<void> {
    this.#clock ??= clock;
    await this.use();
  }

  /** Opens what is not open. Rejects before `connect` and after `close`. */
  async use(): Promise<KafkaClients> {
    if (!this.#clock) throw driverError('FUNQ_KAFKA_CLOSED', `kafka at ${this.settings.address} is not connected`);
    this.#opening ??= this.#open(this.#clock).catch((error: unknown) => {
      this.#opening = undefined;
      throw kafkaError(this.settings.address, error);
    });
    return this.#opening;
  }

  /** The error as one of ours; where a connection failed, the next verb opens new ones. */
  failed(error: unknown): Error {
    const ours = kafkaError(this.settings.address, error);
    if ('away' in ours && cutOff(error)) {
      const opening = this.#opening;
      this.#opening = undefined;
      void opening?.then(end).catch(() => undefined);
    }
    return ours;
  }

  /** Closes when `last`, which may still use the clients, has resolved. */
  async close(last: (clock: Clock | undefined) => Promise<unknown>): Promise<void> {
    await last(this.#clock);
    const opening = this.#opening;
    this.#clock = undefined;
    this.#opening = undefined;
    await opening?.then(end).catch(() => undefined);
  }

  async #open(clock: Clock): Promise<KafkaClients> {
    const { client } = this.settings;
    const clients = {
      clock,
      admin: new Admin({ ...client, retries: 0 }),
      messages: new ConnectionPool(client.clientId, client),
      commits: new ConnectionPool(client.clientId, client),
    };
    try {
      const apis = await clients.admin.listApis();
      // Topics are fetched by their ids from this version on.
      if (!apis.some(({ name, maxVersion }) => name === 'Fetch' && maxVersion >= 13))
        throw Object.assign(new Error('no Fetch by topic id'), { apiId: 'UNSUPPORTED_VERSION' });
      return clients;
    } catch (error) {
      await end(clients);
      throw error;
    }
  }
}

async function end({ admin, messages, commits }: KafkaClients): Promise<void> {
  await Promise.allSettled([admin.close(), messages.close(), commits.close()]);
}
