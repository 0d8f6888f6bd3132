import { ProtocolError, murmur2, produceV9, type MessageRecord } from '@platformatic/kafka';
import type { Outgoing, PublishFailure } from '../../contracts/broker.js';
import { moved } from './error.js';
import type { KafkaClients } from './session.js';

/** Bytes that go in one request at most, unless a single message is larger: less than any topic refuses by default. */
const CHUNK = 900_000;
/** Bytes that Kafka adds to a message, at most. */
const OVERHEAD = 100;
/** How often, and how many milliseconds apart, the node in charge of a partition is looked for. */
const TRIES = 20;
const PAUSE = 100;
/** As safe as the topic promises: all copies that are in sync have it. */
const ALL = -1;
/** Milliseconds that the copies may take. */
const TIMEOUT = 8000;

type ProduceResponse = Exclude<Awaited<ReturnType<typeof produceV9.api.async>>, boolean>;

/** A message, of the partition that is given or else any, or its key's. */
export type Sent = Pick<Outgoing, 'body' | 'key'> & { readonly partition?: number };

interface Record extends MessageRecord {
  readonly index: number;
  partition: number;
}

/**
 * Stores messages. It speaks to the nodes itself: the client's producer can't read an answer that names another node
 * (version 10 and later of the request), tells of a whole batch only, and numbers requests that overlap alike if it is to be idempotent.
 */
export class KafkaPublishing {
  #turn = 0;

  /** Rejects when nothing was stored. */
  async send(clients: KafkaClients, topic: string, messages: readonly Sent[]): Promise<PublishFailure[]> {
    const records = messages.map((message, index) => this.#record(topic, message, index));
    const failures: PublishFailure[] = [];
    for (const chunk of chunksOf(records)) failures.push(...(await store(clients, topic, chunk)));
    if (failures.length === messages.length) throw failures[0]!.error;
    return failures;
  }

  #record(topic: string, { body, key, partition }: Sent, index: number): Record {
    const value = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (partition !== undefined) return { index, topic, value, partition };
    if (key === undefined) return { index, topic, value, partition: (this.#turn = (this.#turn + 1) % 2 ** 30) };
    const bytes = Buffer.from(key);
    // As Java's client does, so that both send a key to one partition.
    return { index, topic, value, key: bytes, partition: murmur2(bytes) & 0x7fffffff };
  }
}

/** Resolves to what was not stored. */
async function store(clients: KafkaClients, topic: string, records: readonly Record[]): Promise<PublishFailure[]> {
  const failures: PublishFailure[] = [];
  let rest = records;
  for (let n = 1; rest.length > 0; n++) {
    const failed = await attempt(clients, topic, rest);
    const astray = new Set(failed.filter(({ error }) => n < TRIES && moved(error)).map(({ index }) => index));
    failures.push(...failed.filter(({ index }) => !astray.has(index)));
    rest = rest.filter(({ index }) => astray.has(index));
    if (rest.length === 0) break;
    clients.admin.clearMetadata();
    await clients.clock.sleep(PAUSE);
  }
  return failures;
}

async function attempt(
  { admin, messages }: KafkaClients,
  topic: string,
  records: readonly Record[],
): Promise<PublishFailure[]> {
  let cluster;
  try {
    cluster = await admin.metadata({ topics: [topic] });
  } catch (error) {
    return records.map(({ index }) => ({ index, error: error as Error }));
  }
  const { brokers, topics } = cluster;
  const { partitions = [], partitionsCount = 1 } = topics.get(topic) ?? {};
  const byNode = new Map<number, Record[]>();
  for (const record of records) {
    record.partition %= partitionsCount;
    const node = partitions[record.partition]?.leader ?? -1;
    const list = byNode.get(node);
    if (list) list.push(record);
    else byNode.set(node, [record]);
  }
  const sending = [...byNode].map(async ([node, list]) => {
    try {
      const broker = brokers.get(node);
      if (!broker) throw new ProtocolError('LEADER_NOT_AVAILABLE');
      await produceV9.api.async(await messages.get(broker), ALL, TIMEOUT, list);
      return [];
    } catch (error) {
      return failuresOf(list, error as Error);
    }
  });
  return (await Promise.all(sending)).flat();
}

/** Kafka tells it of each partition; anything else concerns them all. */
function failuresOf(records: readonly Record[], error: Error): PublishFailure[] {
  const { responses } = (error as { response?: Partial<ProduceResponse> }).response ?? {};
  if (!responses) return records.map(({ index }) => ({ index, error }));
  const errors = new Map<number, Error>();
  for (const { index, errorCode, errorMessage } of responses.flatMap(({ partitionResponses }) => partitionResponses))
    if (errorCode !== 0) errors.set(index, new ProtocolError(errorCode, errorMessage));
  return records
    .filter(({ partition }) => errors.has(partition))
    .map(({ index, partition }) => ({ index, error: errors.get(partition)! }));
}

function chunksOf(records: readonly Record[]): Record[][] {
  const chunks: Record[][] = [];
  let size = Infinity;
  for (const record of records) {
    const bytes = record.value.length + (record.key?.length ?? 0) + OVERHEAD;
    if (size + bytes > CHUNK) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)!.push(record);
    size += bytes;
  }
  return chunks;
}
