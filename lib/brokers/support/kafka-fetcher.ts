import { ConnectionPool, fetchV13, type Consumer } from '@platformatic/kafka';
import { moved, said } from './kafka-error.js';
import { readRecords } from './kafka-records.js';
import type { KafkaWindow } from './kafka-window.js';

/** Only messages of transactions that came to an end. */
const COMMITTED = 1;
/** Milliseconds that a node keeps a request when it has nothing. */
const WAIT = 500;
const MAX_BYTES = 4 * 2 ** 20;
const MAX_BYTES_PER_PARTITION = 2 ** 20;
const EARLIEST = -2n;

type Client = ConstructorParameters<typeof ConnectionPool>[1];
type Broker = Parameters<ConnectionPool['get']>[0];

/** Asks the nodes that have a topic's partitions for messages: one request at a time to each, over connections of its own. */
export class KafkaFetcher {
  #pool: ConnectionPool;
  readonly #busy = new Set<number>();
  #closed = false;

  constructor(
    private readonly consumer: () => Consumer,
    private readonly topic: string,
    private readonly client: Client & { readonly clientId: string },
  ) {
    this.#pool = this.#connections();
  }

  /** Starts what is not under way. `arrived` is called whenever a node has answered, with its error if it had one. */
  async fetch(windows: readonly KafkaWindow[], arrived: (error?: unknown) => void): Promise<void> {
    const { brokers, topics } = await this.consumer().metadata({ topics: [this.topic] });
    const { id = '', partitions = [] } = topics.get(this.topic) ?? {};
    const byNode = new Map<number, KafkaWindow[]>();
    for (const window of windows) {
      const node = partitions[window.partition]?.leader ?? -1;
      if (brokers.has(node) && !this.#busy.has(node)) byNode.set(node, [...(byNode.get(node) ?? []), window]);
    }
    for (const [node, list] of byNode) {
      this.#busy.add(node);
      this.#ask(brokers.get(node)!, id, list)
        .finally(() => this.#busy.delete(node))
        .then((came) => came && arrived(), (error: unknown) => this.#closed || arrived(error)); // prettier-ignore
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.close().catch(() => undefined);
  }

  /** Resolves to false when it is to be asked again, after a while. */
  async #ask(broker: Broker, topicId: string, windows: readonly KafkaWindow[]): Promise<boolean> {
    const partitions = windows.map(({ partition, position }) => ({
      partition,
      fetchOffset: BigInt(position),
      partitionMaxBytes: MAX_BYTES_PER_PARTITION,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    }));
    const topics = [{ topicId, partitions }];
    try {
      const connection = await this.#pool.get(broker);
      // The client can't read the answer of version 16 and later when another node is in charge.
      const { responses } = await fetchV13.api.async(connection, WAIT, 1, MAX_BYTES, COMMITTED, 0, 0, topics, [], '');
      for (const answer of responses.flatMap((each) => each.partitions)) {
        const window = windows.find(({ partition }) => partition === answer.partitionIndex);
        if (window) readRecords(answer, window);
      }
      return true;
    } catch (error) {
      if (said(error, 'OFFSET_OUT_OF_RANGE') && (await this.#skip(windows))) return true;
      this.consumer().clearMetadata();
      if (moved(error)) return false;
      // A connection that was silent once may stay so.
      void this.#pool.close().catch(() => undefined);
      this.#pool = this.#connections();
      throw error;
    }
  }

  /** What the server no longer keeps is passed over. Resolves to false where that was not the matter. */
  async #skip(windows: readonly KafkaWindow[]): Promise<boolean> {
    const partitions = { [this.topic]: windows.map(({ partition }) => partition) };
    const found = await this.consumer().listOffsets({ topics: [this.topic], partitions, timestamp: EARLIEST });
    const offsets = found.get(this.topic) ?? [];
    const behind = windows.filter(({ partition, position }) => position < Number(offsets[partition] ?? 0));
    for (const window of behind) window.pass(Number(offsets[window.partition]));
    return behind.length > 0;
  }

  #connections(): ConnectionPool {
    return new ConnectionPool(this.client.clientId, this.client);
  }
}
