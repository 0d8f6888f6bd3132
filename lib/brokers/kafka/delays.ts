import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import type { KafkaPublishing } from './publishing.js';
import type { KafkaClients } from './session.js';
import type { KafkaTopics, TopicPlan } from './topics.js';

/** Levels, by the milliseconds that a message stays in each at most: the last second, then a second to three days. */
const STAYS = [1000, ...Array.from({ length: 10 }, (_, level) => 1000 * 4 ** level)];
/** Far longer than the longest stay, so that days without any consumer do no harm. */
const KEPT = 14 * 86_400_000;
/** Bytes that are added to a message. */
const FRAME = 2048;
const LENGTH = 4;

/** A message that is not due. */
export interface Waiting {
  /** Its topic. */
  readonly to: string;
  readonly body: Uint8Array;
  readonly key?: string | undefined;
  /** Milliseconds since 1970. */
  readonly due: number;
}

/** The same in its level. */
export interface Staying extends Waiting {
  /** When it leaves the level, for a lower one or because it is due. */
  readonly until: number;
}

/**
 * Messages that are not due are in one topic, of which each partition is a level: all that is in it stays equally long or
 * until it is due, so what came first leaves first, and nothing is held up by what is before it.
 */
export class KafkaDelays {
  readonly #plan: TopicPlan;

  constructor(
    private readonly topics: KafkaTopics,
    private readonly publishing: KafkaPublishing,
    maxMessageBytes: number,
  ) {
    const configs = { 'max.message.bytes': maxMessageBytes + FRAME, 'retention.ms': KEPT };
    this.#plan = { partitions: STAYS.length, configs };
  }

  /** Rejects when nothing was stored. */
  async send(clients: KafkaClients, topic: string, messages: readonly Outgoing[]): Promise<PublishFailure[]> {
    await this.topics.ensure(topic, clients);
    const delayed = (index: number): boolean => (messages[index]!.delay ?? 0) > 0;
    const later = [...messages.keys()].filter(delayed);
    if (later.length === 0) return this.publishing.send(clients, topic, messages);
    const now = clients.clock.now();
    const waiting = later.map((index) => {
      const { body, key, delay = 0 } = messages[index]!;
      return { to: topic, body, key, due: Math.ceil(now + delay) };
    });
    const direct = [...messages.keys()].filter((index) => !delayed(index));
    const sent = direct.map((index) => messages[index]!);
    const failures = await Promise.all([
      sent.length === 0 ? [] : placed(direct, this.publishing.send(clients, topic, sent)),
      placed(later, this.hold(clients, waiting)),
    ]);
    const all = failures.flat();
    if (all.length === messages.length) throw all[0]!.error;
    return all;
  }

  /** Has them wait; rejects when none was stored. */
  async hold(clients: KafkaClients, waiting: readonly Waiting[]): Promise<PublishFailure[]> {
    const topic = this.topics.delays;
    try {
      const levels = await this.prepare(clients);
      const now = clients.clock.now();
      const messages = waiting.map((each) => {
        const level = levelOf(each.due - now, levels);
        return { body: write({ ...each, until: Math.min(each.due, now + STAYS[level]!) }), partition: level };
      });
      return await this.publishing.send(clients, topic, messages);
    } catch (error) {
      this.topics.forget(topic);
      throw error;
    }
  }

  /** Resolves to the number of levels. */
  async prepare(clients: KafkaClients): Promise<number> {
    return Math.min(await this.topics.ensure(this.topics.delays, clients, this.#plan), STAYS.length);
  }
}

/** What {@link KafkaDelays.hold} stored; undefined for what others wrote. */
export function readStaying(bytes: Uint8Array): Staying | undefined {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = LENGTH + buffer.readUInt32BE();
    const { to, key, due, until } = JSON.parse(buffer.toString('utf8', LENGTH, end)) as Omit<Staying, 'body'>;
    if (typeof to !== 'string' || !Number.isFinite(due) || !Number.isFinite(until)) return undefined;
    return { to, key, due, until, body: buffer.subarray(end) };
  } catch {
    return undefined;
  }
}

function write({ body, ...rest }: Staying): Uint8Array {
  const head = Buffer.from(JSON.stringify(rest));
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, body]);
}

/** The one of the longest stay that does not last too long; the first where there is none. */
function levelOf(delay: number, levels: number): number {
  const level = STAYS.findLastIndex((stay) => stay <= delay);
  return Math.max(0, Math.min(level, levels - 1));
}

/** Failures by their position in the whole list. */
async function placed(indexes: readonly number[], sending: Promise<PublishFailure[]>): Promise<PublishFailure[]> {
  try {
    return (await sending).map(({ index, error }) => ({ index: indexes[index]!, error }));
  } catch (error) {
    return indexes.map((index) => ({ index, error: error as Error }));
  }
}
