import {
  ConnectionPool,
  FindCoordinatorKeyTypes,
  findCoordinatorV4,
  heartbeatV4,
  parseBroker,
  type BaseOptions,
} from '@platformatic/kafka';
import type { PulseConnection, PulseSource } from '../../contracts/broker.js';
import { fenced, said } from './error.js';
import type { KafkaSettings } from './options.js';
import { sitterOf, type Seat, type Sitter } from './seat.js';

/** Milliseconds that one request may take. */
const DEADLINE = 2000;

/**
 * How another thread reaches the groups. Undefined where it can't: a password that is a function, say, is no data, and a bundle in
 * CommonJS has no modules to load.
 */
export function pulseSource({ client }: KafkaSettings): PulseSource | undefined {
  if (!import.meta.url) return undefined;
  try {
    return { module: new URL('./pulse.js', import.meta.url).href, data: structuredClone(client) };
  } catch {
    return undefined;
  }
}

/** Signs of life of those who sit in the seats that it is given: a list for each subscription. */
export async function openPulse(client: BaseOptions): Promise<PulseConnection> {
  const coordinators = new Coordinators(client);
  await coordinators.open();
  return {
    async beat(ids) {
      // A seat may be in several lists, each time as another copy.
      const members = new Map<string, Sitter & Seat>();
      for (const seat of (ids as readonly (readonly Seat[])[]).flat()) {
        const sitter = sitterOf(seat);
        if (sitter) members.set(sitter.member, { ...seat, ...sitter });
      }
      await Promise.all([...members.values()].map((each) => beat(each, coordinators)));
    },
    close: () => coordinators.close(),
  };
}

/** One that is to join again, or is out of the group, is told so when its event loop turns. */
async function beat({ group, member, generation }: Sitter & Seat, coordinators: Coordinators): Promise<void> {
  const connection = await coordinators.of(group);
  const send = (number: number): Promise<unknown> => heartbeatV4.api.async(connection, group, number, member, null);
  try {
    // The group may have formed anew before the loop could hear of it; a further time it can't without this member.
    await send(generation).catch((error: unknown) => {
      if (!said(error, 'ILLEGAL_GENERATION')) throw error;
      return send(generation + 1);
    });
  } catch (error) {
    if (!fenced(error)) throw error;
  }
}

/** Connections to the nodes that are in charge of groups. When one no longer is, all are found anew by another object. */
class Coordinators {
  readonly #pool: ConnectionPool;
  readonly #nodes = new Map<string, Parameters<ConnectionPool['get']>[0]>();

  constructor(private readonly client: BaseOptions) {
    const deadlines = { connectTimeout: DEADLINE, requestTimeout: DEADLINE };
    this.#pool = new ConnectionPool(client.clientId, { ...client, ...deadlines });
  }

  /** Rejects when nobody answers. */
  async open(): ReturnType<ConnectionPool['getFirstAvailable']> {
    return this.#pool.getFirstAvailable(this.client.bootstrapBrokers.map((broker) => parseBroker(broker)));
  }

  async of(group: string): ReturnType<ConnectionPool['get']> {
    let node = this.#nodes.get(group);
    if (!node) {
      const found = await findCoordinatorV4.api.async(await this.open(), FindCoordinatorKeyTypes.GROUP, [group]);
      node = found.coordinators[0]!;
      this.#nodes.set(group, node);
    }
    return this.#pool.get(node);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
