import { ConnectionPool, fetchV13, type Consumer } from '@platformatic/kafka';
import { moved } from './error.js';
import { readRecords } from './records.js';
import type { KafkaWindow } from './window.js';

/** Only messages of transactions that came to an end. */
const COMMITTED = 1;
/** Milliseconds that a node keeps a request when it has nothing. */
const WAIT = 500;
const MAX_BYTES = 4 * 2 ** 20;
const MAX_BYTES_PER_PARTITION = 2 ** 20;
const EARLIEST = -2n;
const LATEST = -1n;
const OUT_OF_RANGE = 1;
/** Each request says all, so the server need not keep a session for the next one. */
const ALONE = -1;

type Response = Awaited<ReturnType<typeof fetchV13.api.async>>;
type Client = ConstructorParameters<typeof ConnectionPool>[1];
type Broker = Parameters<ConnectionPool['get']>[0];

/** Asks the nodes that have a topic's partitions for messages: one request at a time to each, over connections of its own. */
export class KafkaFetcher {
  #pool: ConnectionPool;
  readonly #busy = new Set<number>();
  /** Of the topic. */
  #id: string | undefined;
  #closed = false;

  constructor(
    private readonly consumer: () => Consumer,
    private readonly topic: string,
    private readonly client: Client & { readonly clientId: string },
    /**
     * Nothing that is known of these partitions holds, and they begin where it says: what their log had is gone. All do, at their
     * beginning, where the topic was deleted and created anew.
     */
    private readonly renewed: (bases?: ReadonlyMap<number, number>) => void,
  ) {
    this.#pool = this.#connections();
  }

  /** Starts what is not under way. `arrived` is called whenever a node has answered, with its error if it had one. */
  async fetch(windows: readonly KafkaWindow[], arrived: (error?: unknown) => void): Promise<void> {
    const { brokers, topics } = await this.consumer().metadata({ topics: [this.topic] });
    const { id = '', partitions = [] } = topics.get(this.topic) ?? {};
    const former = this.#id;
    if (id) this.#id = id;
    if (id && former && id !== former) return this.renewed();
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
      read(await fetchV13.api.async(connection, WAIT, 1, MAX_BYTES, COMMITTED, 0, ALONE, topics, [], ''), windows);
      return true;
    } catch (error) {
      // One partition fails, and the others of the node are to go on.
      const astray = read((error as { response?: Response }).response, windows);
      if (astray.length > 0 && (await this.#skip(astray))) return true;
      this.consumer().clearMetadata();
      if (moved(error)) return false;
      // A connection that was silent once may stay so.
      void this.#pool.close().catch(() => undefined);
      this.#pool = this.#connections();
      throw error;
    }
  }

  /** What the server no longer keeps is passed over, and what it lost is forgotten. Resolves to false where that was not the matter. */
  async #skip(windows: readonly KafkaWindow[]): Promise<boolean> {
    const [first, last] = [await this.#ends(windows, EARLIEST), await this.#ends(windows, LATEST)];
    const behind = windows.filter(({ partition, position }) => position < (first.get(partition) ?? 0));
    for (const window of behind) window.pass(first.get(window.partition)!);
    const ahead = windows.filter(({ partition, position }) => position > (last.get(partition) ?? Infinity));
    if (ahead.length > 0) this.renewed(new Map(ahead.map(({ partition }) => [partition, last.get(partition)!])));
    return behind.length + ahead.length > 0;
  }

  async #ends(windows: readonly KafkaWindow[], timestamp: bigint): Promise<ReadonlyMap<number, number>> {
    const partitions = { [this.topic]: windows.map(({ partition }) => partition) };
    // Also what transactions that are under way have written is there.
    const asked = { topics: [this.topic], partitions, timestamp, isolationLevel: 0 };
    const offsets = (await this.consumer().listOffsets(asked)).get(this.topic) ?? [];
    return new Map(partitions[this.topic]!.map((partition) => [partition, Number(offsets[partition] ?? 0)]));
  }

  #connections(): ConnectionPool {
    return new ConnectionPool(this.client.clientId, this.client);
  }
}

/** Returns those of which the server has nothing at their position. */
function read(response: Response | undefined, windows: readonly KafkaWindow[]): KafkaWindow[] {
  const astray: KafkaWindow[] = [];
  for (const answer of response?.responses.flatMap((each) => each.partitions) ?? []) {
    const window = windows.find(({ partition }) => partition === answer.partitionIndex);
    if (window && answer.errorCode === OUT_OF_RANGE) astray.push(window);
    else if (window) readRecords(answer, window);
  }
  return astray;
}
