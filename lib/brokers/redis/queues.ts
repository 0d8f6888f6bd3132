import { randomUUID } from 'node:crypto';
import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import { redisError } from './error.js';
import { queueKey } from './keys.js';
import { BYTES, MOST, parcels, unpacked, type Claimed, type Parcel } from './messages.js';
import type { RedisLink, RedisSession } from './session.js';

/**
 * What a look at a queue brought: how many the server held for the consumer before, and messages and how long the body of the first
 * one is, or milliseconds until something is known to fall due, and whether until then the server had something to tell.
 */
export type Look = { readonly held: number } & (
  | { readonly claimed: readonly Claimed[]; readonly length: number }
  | { readonly wait: number; readonly waited: boolean }
);

export interface Claim {
  readonly key: string;
  readonly consumer: string;
  /** Milliseconds. */
  readonly lease: number;
  readonly max: number;
  readonly waits: boolean;
}

/**
 * The most bytes in all answers that are under way, and the least that one may bring: with 32 MB to be sent, a server hangs up on a
 * connection by which it tells of messages.
 */
const UNDER_WAY = 16_000_000;
const LEAST = 10_000;
/** Of a body that does not fit: a part costs the server as much as all of it. */
const AT_ONCE = 8_000_000;

export type Settling = 'funqAck' | 'funqRelease';

/** Every verb on queues by their keys; see `scripts.ts`. */
export class RedisQueues {
  /** The process, as far as the server can tell. */
  readonly self: string = randomUUID();
  #underWay = 0;
  #parts: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly session: RedisSession,
    private readonly namespace: string,
  ) {}

  keyOf(queue: string): string {
    return queueKey(this.namespace, queue);
  }

  async publish(key: string, messages: readonly Outgoing[]): Promise<readonly PublishFailure[]> {
    const packed = parcels(messages);
    const send = ({ values }: Parcel) => this.session.use((link) => link.run('funqPublish', key, ...values));
    if (packed.length === 1) return repeats(messages, 0, await send(packed[0]!));
    const answers = await Promise.allSettled(packed.map(send));
    const lost = answers.find((answer) => answer.status === 'rejected');
    if (lost && answers.every(({ status }) => status === 'rejected')) throw lost.reason;
    return answers.flatMap((answer, index) => {
      const { from, count } = packed[index]!;
      if (answer.status === 'fulfilled') return repeats(messages, from, answer.value);
      return Array.from({ length: count }, (_, n) => ({ index: from + n, error: answer.reason as Error }));
    });
  }

  /** A name for a consumer; see `lua.ts`. Messages are handed over only where that can't be overtaken by an answer. */
  name(): Promise<string> {
    return this.session.use(async ({ inOrder }) => `${this.self}${inOrder ? '+' : '-'}${randomUUID()}`);
  }

  /** Resolves to the name of a new consumer. */
  async join(key: string, lease: number): Promise<string> {
    const consumer = await this.name();
    await this.session.use((link) => link.run('funqJoin', key, consumer, lease));
    return consumer;
  }

  /** False when the consumer was given up for dead. */
  async beat(key: string, consumer: string, lease: number): Promise<boolean> {
    return (await this.session.use((link) => link.run('funqBeat', key, consumer, lease))) === 1;
  }

  /**
   * A sign of life, and up to `max` messages. Undefined when the consumer was given up for dead. Where it `waits` and there is
   * none, the next one may be handed over; see {@link RedisWakes}.
   */
  async claim(link: RedisLink, { key, consumer, lease, max, waits }: Claim): Promise<Look | undefined> {
    const bytes = Math.min(BYTES, Math.max(LEAST, Math.floor((UNDER_WAY - this.#underWay) / 2)));
    this.#underWay += bytes;
    const most = Math.min(max, MOST);
    const asking = link.runForBytes('funqClaim', key, consumer, lease, most, bytes, waits ? 1 : 0);
    const answer = (await asking.finally(() => (this.#underWay -= bytes))) as readonly [number, ...unknown[]] | null;
    if (answer === null) return undefined;
    const [held, ...brought] = answer;
    const [wait, waited] = brought;
    if (typeof wait === 'number') return { held, wait, waited: waited === 1 };
    const claimed = unpacked(brought);
    if (claimed) return { held, claimed, length: brought[3] as number };
    await link.run('funqRename', key, consumer);
    throw redisError(
      'FUNQ_REDIS_FOREIGN',
      `${key} has messages of another program under names with blanks or odd signs; they get others`,
    );
  }

  /** A look with all of a body that did not fit; undefined when the consumer was given up for dead meanwhile. */
  async complete(look: Look, key: string, consumer: string): Promise<Look | undefined> {
    if (!('claimed' in look)) return look;
    const [first, ...others] = look.claimed;
    const { member, body } = first!;
    const parts = [body];
    for (let at = body.length; at < look.length; at += parts.at(-1)!.length) {
      const part = await this.#inTurn((link) => link.runForBytes('funqPart', key, consumer, member, at, AT_ONCE));
      if (part === null) return undefined;
      parts.push(part as Buffer);
    }
    return parts.length === 1 ? look : { ...look, claimed: [{ ...first!, body: Buffer.concat(parts) }, ...others] };
  }

  /** One after the other, so that no more than one of them is under way. */
  #inTurn<T>(work: (link: RedisLink) => Promise<T>): Promise<T> {
    const working = this.#parts.then(() => this.session.use(work));
    this.#parts = working.catch(() => undefined);
    return working;
  }

  /**
   * Gives the consumer another name, under which it holds `members` at most; harmless when it has that already. False when it was
   * given up for dead.
   */
  async move(key: string, from: string, to: string, lease: number, members: Iterable<string>): Promise<boolean> {
    const move = (link: RedisLink) => link.run('funqMove', key, from, to, lease, [...members].join(' '));
    return (await this.session.use(move)) === 1;
  }

  /** False when the consumer was given up for dead, so that nothing of this was its own. Calls `sent` when the server will be told. */
  settle(verb: Settling, key: string, consumer: string, members: string[], sent: () => void): Promise<boolean> {
    return this.session.use(async (link) => {
      sent();
      const answers: Promise<unknown>[] = [];
      for (let from = 0; from < members.length; from += MOST)
        answers.push(link.run(verb, key, consumer, members.slice(from, from + MOST).join(' ')));
      return (await Promise.all(answers)).every((answer) => answer === 1);
    });
  }

  /** `received`: what of that it holds counts as handed out. */
  async leave(key: string, consumer: string, received: readonly string[]): Promise<void> {
    await this.session.use((link) => link.run('funqLeave', key, consumer, received.join(' ')));
  }

  async count(key: string): Promise<number> {
    for (;;) {
      const count = (await this.session.use((link) => link.run('funqCount', key))) as number | null;
      if (count !== null) return count;
    }
  }

  async purge(key: string): Promise<number> {
    for (let total = 0; ;) {
      const removed = (await this.session.use((link) => link.run('funqPurge', key))) as number;
      if (removed === 0) return total;
      total += removed;
    }
  }
}

/** `positions` count from 1. */
function repeats(messages: readonly Outgoing[], from: number, positions: unknown): PublishFailure[] {
  return (positions as number[]).map((position) => {
    const index = from + position - 1;
    return { index, error: new Error(`${messages[index]!.id} was published before`), repeated: true };
  });
}
