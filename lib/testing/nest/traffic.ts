import type { Outgoing } from '../../contracts/broker.js';
import type { Codec } from '../../contracts/codec.js';
import type { Envelope } from '../../contracts/envelope.js';
import { originOf } from '../../core/envelope.js';
import { REPLY_PREFIX } from '../../core/replies/reply-sender.js';
import type { Pulse } from './pulse.js';

/** A task that was published, once however often it was retried. @publicApi */
export interface PublishedTask<A extends readonly unknown[] = readonly unknown[]> {
  readonly id: string;
  readonly queue: string;
  /** Name of the broker. */
  readonly broker: string;
  readonly args: A;
  /** Milliseconds that it was told to wait. */
  readonly delay: number;
  readonly priority: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Consumer options that it overrides. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch, on the test's clock. */
  readonly publishedAt: number;
}

/** What passed the brokers of a test: the tasks, and how many messages of each queue are not settled. */
export class Traffic {
  #published: PublishedTask[] = [];
  /** Retries and requeues are copies of what was published before. */
  readonly #known = new Set<string>();
  readonly #open = new Map<string, number>();
  readonly #consumers = new Map<string, number>();

  constructor(private readonly pulse: Pulse) {}

  get published(): readonly PublishedTask[] {
    return this.#published;
  }

  clear(): void {
    this.#published = [];
  }

  /** Messages by queue that wait or are in hand where somebody consumes them, delayed ones too. */
  get unfinished(): ReadonlyMap<string, number> {
    return new Map([...this.#open].filter(([queue, count]) => count > 0 && (this.#consumers.get(queue) ?? 0) > 0));
  }

  sent(broker: string, queue: string, messages: readonly Outgoing[], codec: Codec): void {
    if (queue.startsWith(REPLY_PREFIX)) return this.pulse.beat();
    this.#add(this.#open, `${broker}/${queue}`, messages.length);
    for (const { body, delay = 0 } of messages) {
      const envelope = readable(body, codec);
      if (!envelope || this.#known.has(originOf(envelope))) continue;
      this.#known.add(originOf(envelope));
      const { id, args, priority = 0, headers = {}, options = {}, publishedAt } = envelope;
      this.#published.push({ id, queue, broker, args, delay, priority, headers, options, publishedAt });
    }
  }

  settled(broker: string, queue: string, count: number): void {
    if (queue.startsWith(REPLY_PREFIX)) return this.pulse.beat();
    this.#add(this.#open, `${broker}/${queue}`, -count);
  }

  /** A consumer came, or left. */
  consumer(broker: string, queue: string, change: 1 | -1): void {
    if (!queue.startsWith(REPLY_PREFIX)) this.#add(this.#consumers, `${broker}/${queue}`, change);
  }

  #add(counts: Map<string, number>, key: string, change: number): void {
    counts.set(key, (counts.get(key) ?? 0) + change);
    this.pulse.beat();
  }
}

/** Dead letters, and whatever else is no task, are not looked at. */
function readable(body: Uint8Array, codec: Codec): Envelope | undefined {
  try {
    return codec.decode(body);
  } catch {
    return undefined;
  }
}
