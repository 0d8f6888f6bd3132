import type { Claimed } from './messages.js';
import type { RedisLink } from './session.js';

/** Who waits for messages of a queue. */
export interface Sleeper {
  /** The key of its queue. */
  readonly key: string;
  /** There is something for `consumer`, or it was handed `claimed` already. */
  told(consumer: string, claimed: Claimed | undefined): void;
  /** The connection ended: what it was told last may not have come. */
  cut(): void;
}

const BLANK = 0x20;

/** How those who wait hear of messages, by one channel for each queue and process. */
export class RedisWakes {
  readonly #sleepers = new Map<string, Set<Sleeper>>();
  #link: RedisLink | undefined;
  #heard = new Map<string, Promise<unknown>>();
  readonly #channel: string;

  /** `self`: as of the names of the consumers. */
  constructor(self: string) {
    this.#channel = `:wake:${self}`;
  }

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
    this.#heard.delete(sleeper.key);
    if (this.#link) this.#link.listener.unsubscribe(this.#channelOf(this.#link, sleeper.key)).catch(() => undefined);
  }

  /** Resolves when whatever is told of the queue from now on is heard. */
  async listen(link: RedisLink, key: string): Promise<void> {
    if (this.#link !== link) this.#turnTo(link);
    // The last one closed meanwhile.
    if (!this.#sleepers.has(key)) return;
    let listening = this.#heard.get(key);
    if (!listening) {
      listening = link.listener.subscribe(this.#channelOf(link, key));
      this.#heard.set(key, listening);
      listening.catch(() => this.#heard.get(key) === listening && this.#heard.delete(key));
    }
    await listening;
  }

  close(): void {
    this.#link?.listener.off('messageBuffer', this.#onMessage).off('close', this.#onCut);
    this.#link = undefined;
    this.#heard = new Map();
  }

  /** What was told by the one before is not heard from now on, even if it has not ended yet. */
  #turnTo(link: RedisLink): void {
    if (this.#link) this.#onCut();
    this.close();
    this.#link = link;
    link.listener.on('messageBuffer', this.#onMessage).on('close', this.#onCut);
  }

  #channelOf(link: RedisLink, key: string): string {
    return `${prefixOf(link)}${key}${this.#channel}`;
  }

  readonly #onMessage = (channel: Buffer, text: Buffer): void => {
    const prefix = this.#link ? prefixOf(this.#link).length : 0;
    const key = channel.toString().slice(prefix, -this.#channel.length);
    const [consumer, claimed] = parsed(text);
    for (const sleeper of this.#sleepers.get(key) ?? []) sleeper.told(consumer, claimed);
  };

  /** A client that mends itself may listen again by itself, or not, or too late. */
  readonly #onCut = (): void => {
    this.#heard = new Map();
    for (const sleepers of this.#sleepers.values()) for (const sleeper of sleepers) sleeper.cut();
  };
}

/** `<consumer>`, or `<consumer> <member> <how often it came back> <body>`. */
function parsed(text: Buffer): [string, Claimed | undefined] {
  const first = text.indexOf(BLANK);
  if (first < 0) return [text.toString('latin1'), undefined];
  const second = text.indexOf(BLANK, first + 1);
  const third = text.indexOf(BLANK, second + 1);
  const word = (from: number, to: number): string => text.toString('latin1', from, to);
  const claimed = {
    member: word(first + 1, second),
    redelivered: Number(word(second + 1, third)),
    body: text.subarray(third + 1),
  };
  return [word(0, first), claimed];
}

/** ioredis puts it before keys, not before channels. */
const prefixOf = ({ client }: RedisLink): string => client.options.keyPrefix ?? '';
