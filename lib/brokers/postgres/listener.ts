import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { within, type PostgresDatabase } from './database.js';
import { silence } from './error.js';
import { quoted, SILENCE } from './options.js';

/** Milliseconds between two questions to a connection that says nothing by itself, and between two tries to open one. */
const INTERVAL = 3000;
const RETRY = 1000;

/** One channel for each schema; the payload is the queue. */
export const channelOf = (schema: string): string =>
  `funq_${createHash('sha256').update(schema).digest('hex').slice(0, 24)}`;

/** A connection that hears what other processes published. It is a help only: while there is none, polling does. */
export class PostgresListener {
  #client: Client | undefined;
  #busy: Promise<void> | undefined;
  #next = -Infinity;
  #closed = false;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly clock: Clock,
    /** Called with a queue, or with none where anything may have been missed. */
    private readonly heard: (queue?: string) => void,
  ) {}

  /** Opens the connection where there is none, and asks one that was quiet whether it still lives. Never rejects. */
  async check(): Promise<void> {
    if (this.#busy) return this.#busy;
    if (this.#closed || this.clock.monotonic() < this.#next) return;
    this.#busy = this.#client ? this.#ask(this.#client) : this.#open();
    await this.#busy;
    this.#busy = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#busy;
    const client = this.#client;
    this.#client = undefined;
    if (client) await withDeadline(this.clock, SILENCE, client.end(), silence).catch(() => undefined);
  }

  async #open(): Promise<void> {
    this.#next = this.clock.monotonic() + RETRY;
    const client = this.database.client();
    const lost = (): void => this.#lose(client);
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => this.heard(payload));
    try {
      await client.connect();
      await client.query(within(SILENCE, `LISTEN ${quoted(channelOf(this.database.target.schema))}`));
      this.#client = client;
      this.#next = this.clock.monotonic() + INTERVAL;
      this.heard();
    } catch {
      void client.end().catch(() => undefined);
    }
  }

  async #ask(client: Client): Promise<void> {
    this.#next = this.clock.monotonic() + INTERVAL;
    try {
      await client.query(within(SILENCE, 'SELECT 1'));
    } catch {
      this.#lose(client);
      // The others go the same way; who waits on one of them must not wait longer.
      this.database.cut();
    }
  }

  #lose(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#next = -Infinity;
    void client.end().catch(() => undefined);
  }
}
