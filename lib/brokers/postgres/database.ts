import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import pg, { type Client, type Pool, type PoolClient, type QueryConfig } from 'pg';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { explain, isSilence, silence } from './error.js';
import { SILENCE, targetOf, withSockets, type PostgresOptions, type Target } from './options.js';

/** One statement with its name, by which the server keeps it prepared. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

export type Row = readonly unknown[];

/** A few connections. Every statement has a deadline; one that misses it takes all connections with it. */
export class PostgresDatabase {
  readonly target: Target;
  readonly #sockets = new Set<Socket>();
  readonly #lent: boolean;
  readonly #pool: Pool;
  readonly #ignore = (): void => undefined;

  constructor(
    private readonly options: PostgresOptions,
    private readonly clock: Clock,
  ) {
    this.target = targetOf(options);
    this.#lent = options.pool !== undefined;
    this.#pool = options.pool ?? new pg.Pool(withSockets(this.target.config, this.#sockets));
    // A connection that breaks while nobody uses it: the next statement opens another one.
    this.#pool.on('error', this.#ignore);
  }

  /** The same text always has the same name, whoever else uses the pool. */
  statement(text: string): Statement {
    if (this.options.prepare === false) return { text };
    return { name: `funq_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text };
  }

  /** Runs one statement, as a transaction of its own. */
  async run(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    // The client's own deadline would not forgive an event loop that was blocked: it stands behind ours.
    const config = { ...statement, values: [...values], rowMode: 'array' as const, query_timeout: SILENCE * 3 };
    try {
      return (await withDeadline(this.clock, SILENCE, this.#pool.query<Row[]>(config), silence)).rows;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Gives `work` one connection for as long as it takes. */
  async with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    let failure: Error | undefined;
    try {
      client = await this.#connect();
      client.on('error', this.#ignore);
      return await work(client);
    } catch (error) {
      failure = this.#failed(error);
      throw failure;
    } finally {
      client?.off('error', this.#ignore);
      client?.release(failure);
    }
  }

  /** A connection that is not of the pool, still to be opened. */
  client(): Client {
    return new pg.Client(withSockets({ ...this.target.config, query_timeout: SILENCE }, this.#sockets));
  }

  /** Gives up every connection: what is under way fails, what comes opens others. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    // What is ended on a connection that hangs is not ended by that.
    this.clock.after(SILENCE, () => this.cut(), true);
    if (this.#lent) this.#pool.off('error', this.#ignore);
    else await this.#pool.end();
  }

  /** All of a pool that was handed in may be in use for long. */
  async #connect(): Promise<PoolClient> {
    const connecting = this.#pool.connect();
    return withDeadline(this.clock, SILENCE, connecting, silence).catch((error: unknown) => {
      connecting.then((late) => late.release()).catch(() => undefined);
      throw error;
    });
  }

  #failed(error: unknown): Error {
    if (isSilence(error)) this.cut();
    return explain(error, this.target.address);
  }
}

/** One query of a client, with the longest time that it may take. */
export const within = (ms: number, text: string, values: unknown[] = []): QueryConfig =>
  ({ text, values, query_timeout: ms }) as QueryConfig;
