import { Cluster } from 'ioredis';
import type { ConnectContext } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import {
  addressOf,
  addressOfClient,
  checkClient,
  listenerOf,
  openClient,
  patienceOf,
  type RedisClient,
} from './client.js';
import { explain, isAway, redisError, silence } from './error.js';
import { targetOf, type RedisConnectionOptions } from './options.js';
import { checkServer, type Kept } from './server.js';

export type RedisScripts = Readonly<Record<string, string>>;

/** A client in use, as the verbs need it. */
export interface RedisLink {
  readonly client: RedisClient;
  /** By which to hear of messages. */
  readonly listener: RedisClient;
  /** What is heard and what is answered comes over one connection, so in the order in which the server said it. */
  readonly inOrder: boolean;
  /** Milliseconds for an answer; undefined where that is the client's own affair. */
  readonly patience: number | undefined;
  /** Runs one of the session's scripts on the keys of `key`. Texts in the answer are texts. */
  run(script: string, key: string, ...values: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** As `run`; texts in the answer are bytes. */
  runForBytes(script: string, key: string, ...values: readonly (string | number | Buffer)[]): Promise<unknown>;
}

type Command = (...values: readonly (string | number | Buffer)[]) => Promise<unknown>;

export interface RedisSessionParts {
  readonly scripts: RedisScripts;
  readonly kept: Kept;
  /** What the server is shown of the connection. */
  readonly name: string;
}

/** A server from `connect` to `close`, over one connection at a time. A connection that failed is given up; who comes next opens one. */
export class RedisSession {
  readonly #address: string;
  #clock: Clock | undefined;
  #link: Promise<RedisLink> | undefined;

  constructor(
    private readonly options: RedisConnectionOptions,
    private readonly parts: RedisSessionParts,
  ) {
    if (options.client) checkClient(options.client);
    this.#address = options.client ? addressOfClient(options.client) : addressOf(targetOf(options));
  }

  get clock(): Clock {
    if (!this.#clock) throw this.#closed();
    return this.#clock;
  }

  async connect({ clock }: ConnectContext): Promise<void> {
    this.#clock ??= clock;
    await this.#open();
  }

  /** Rejects before `connect` and after `close`, and with an explained error when the server or `work` fails. */
  async use<T>(work: (link: RedisLink) => Promise<T>): Promise<T> {
    const { clock } = this;
    const opening = this.#open();
    const link = await opening;
    try {
      const working = work(link);
      return await (link.patience ? withDeadline(clock, link.patience, working, silence) : working);
    } catch (error) {
      if (isAway(error)) this.#giveUp(opening, link);
      throw explain(error, this.#address);
    }
  }

  /** Closes when `last`, which may still use the server, has resolved. */
  async close(last?: () => Promise<unknown>): Promise<void> {
    if (!this.#clock) return;
    await last?.();
    this.#clock = undefined;
    const link = this.#link;
    this.#link = undefined;
    const used = await link?.catch(() => undefined);
    for (const client of [used?.client, used?.listener]) if (client !== this.options.client) client?.disconnect();
  }

  #open(): Promise<RedisLink> {
    if (this.#link) return this.#link;
    const opening = (this.#link = this.#make());
    opening.then(
      (link) => this.options.client ?? link.client.once('end', () => this.#giveUp(opening, link)),
      () => this.#forget(opening),
    );
    return opening;
  }

  async #make(): Promise<RedisLink> {
    const client = this.options.client ?? (await openClient(targetOf(this.options), this.parts.name));
    try {
      await checkServer(client, this.#address, this.parts.kept, this.options.allowEviction);
    } catch (error) {
      if (!this.options.client) client.disconnect();
      throw explain(error, this.#address);
    }
    for (const [name, lua] of Object.entries(this.parts.scripts)) client.defineCommand(name, { lua, numberOfKeys: 1 });
    const commands = client as unknown as Record<string, Command>;
    const listener = listenerOf(client);
    const patience = this.options.client ? undefined : patienceOf(client);
    const link: RedisLink = {
      client,
      listener,
      inOrder: listener === client && !(client instanceof Cluster),
      patience,
      run: (script, ...values) => commands[script]!(...values),
      runForBytes: (script, ...values) => commands[`${script}Buffer`]!(...values),
    };
    return link;
  }

  /** A client that was handed in mends itself. */
  #giveUp(opening: Promise<RedisLink>, { client, listener }: RedisLink): void {
    if (this.options.client) return;
    client.disconnect();
    if (listener !== client) listener.disconnect();
    this.#forget(opening);
  }

  #forget(opening: Promise<RedisLink>): void {
    if (this.#link === opening) this.#link = undefined;
  }

  #closed(): Error {
    return redisError('FUNQ_REDIS_CLOSED', `Redis at ${this.#address} is not connected`);
  }
}
