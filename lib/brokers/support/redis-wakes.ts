import type { RedisLink } from './redis-session.js';

/** What may be woken. */
export interface Sleeper {
  /** The key of its queue. */
  readonly key: string;
  wake(): void;
}

const CHANNEL = ':wake';

/** Who waits for messages of which queue, and how they hear of them: from this process at once, from others through the server. */
export class RedisWakes {
  readonly #sleepers = new Map<string, Set<Sleeper>>();
  #link: RedisLink | undefined;
  #heard = new Map<string, Promise<unknown>>();

  constructor(private readonly self: string) {}

  add(sleeper: Sleeper): void {
    const others = this.#sleepers.get(sleeper.key);
    if (others) others.add(sleeper);
    else this.#sleepers.set(sleeper.key, new Set([sleeper]));
  }

  /** The last one of a queue ends the listening. */
  delete(sleeper: Sleeper): void {
    const others = this.#sleepers.get(sleeper.key);
    if (!others?.delete(sleeper) || others.size > 0) return;
    this.#sleepers.delete(sleeper.key);
    if (!this.#heard.delete(sleeper.key) || !this.#link) return;
    this.#link.listener.unsubscribe(channelOf(this.#link, sleeper.key)).catch(() => undefined);
  }

  wake(key: string): void {
    for (const sleeper of this.#sleepers.get(key) ?? []) sleeper.wake();
  }

  /** Resolves when whatever is told of the queue from now on is heard. */
  async listen(link: RedisLink, key: string): Promise<void> {
    if (this.#link !== link) this.#turnTo(link);
    let listening = this.#heard.get(key);
    if (!listening) {
      listening = link.listener.subscribe(channelOf(link, key));
      this.#heard.set(key, listening);
      listening.catch(() => this.#heard.get(key) === listening && this.#heard.delete(key));
    }
    await listening;
  }

  close(): void {
    this.#link?.listener.off('message', this.#onMessage);
    this.#link = undefined;
    this.#heard = new Map();
  }

  #turnTo(link: RedisLink): void {
    this.close();
    this.#link = link;
    link.listener.on('message', this.#onMessage);
  }

  readonly #onMessage = (channel: string, sender: string): void => {
    const prefix = this.#link ? prefixOf(this.#link).length : 0;
    if (sender !== this.self) this.wake(channel.slice(prefix, -CHANNEL.length));
  };
}

const channelOf = (link: RedisLink, key: string): string => `${prefixOf(link)}${key}${CHANNEL}`;

/** ioredis puts it before keys, not before channels. */
const prefixOf = ({ client }: RedisLink): string => client.options.keyPrefix ?? '';
