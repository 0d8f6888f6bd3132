import { randomInt } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { PostgresDatabase, Statement } from './database.js';
import { quoted } from './options.js';

/** Most that passes between two looks at the others, in milliseconds: how soon after its lease the messages of a process that died are taken up. */
const LOOK = 1000;

/** When the server was started, or recovered from the crash of one of its processes, by which it loses its statistics, too. */
export const SINCE = 'greatest(pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time())::text';

/** Whoever in `$1` is still there keeps all it holds for another lease. */
export const beatIn = (schema: string): string =>
  `UPDATE ${quoted(schema)}.funq_consumers SET expires = clock_timestamp() + lease WHERE id = ANY ($1) RETURNING id`;

/** Who holds messages, and who of them is still there: one row for each subscription, kept by the server's time. */
export class PostgresConsumers {
  #nextLook = -Infinity;
  readonly #told = new Set<string>();
  #telling = false;
  readonly #insert: Statement;
  readonly #beat: Statement;
  readonly #leave: Statement;
  readonly #sweep: Statement;
  readonly #wake: Statement;

  constructor(
    private readonly database: PostgresDatabase,
    private readonly channel: string,
    private readonly clock: Clock,
    /** The consumers that this process has of these queues. */
    private readonly own: (queues: readonly string[]) => readonly number[],
  ) {
    const schema = quoted(database.target.schema);
    this.#insert = database.statement(`INSERT INTO ${schema}.funq_consumers (id, queue, lease, expires)
      SELECT $1, $2, lease, clock_timestamp() + lease FROM (SELECT $3::float8 * interval '1 millisecond') AS one (lease)
      RETURNING ${SINCE}`);
    this.#beat = database.statement(beatIn(database.target.schema));
    this.#leave = database.statement(`SELECT ${schema}.funq_leave($1)`);
    this.#sweep = database.statement(`SELECT * FROM ${schema}.funq_sweep()`);
    this.#wake = database.statement(`SELECT pg_notify($1, queue) FROM (
      SELECT DISTINCT queue FROM ${schema}.funq_consumers WHERE idle AND queue = ANY ($2) AND id <> ALL ($3)) AS sleeping`);
  }

  /** A new consumer. Its id is random, so a receipt of an earlier one never fits. With when the server was started. */
  async register(queue: string, lease: number): Promise<{ readonly id: number; readonly since: string }> {
    const id = randomInt(1, 2 ** 47);
    const [row] = await this.database.run(this.#insert, [id, queue, lease]);
    return { id, since: row![0] as string };
  }

  /** A sign of life. False when the consumer was given up for dead meanwhile: what it held is gone. */
  async beat(id: number): Promise<boolean> {
    return (await this.database.run(this.#beat, [[id]])).length > 0;
  }

  /** Ends a consumer; what it holds waits again. True when there was any. */
  async leave(id: number): Promise<boolean> {
    const [row] = await this.database.run(this.#leave, [id]);
    return row![0] as boolean;
  }

  /** Ends the consumers that are dead, at most every third of `lease`; the queues to which messages returned. */
  async sweep(lease: number): Promise<readonly string[]> {
    const now = this.clock.monotonic();
    if (now < this.#nextLook) return [];
    this.#nextLook = now + Math.min(LOOK, lease / 3);
    return (await this.database.run(this.#sweep)).map(([queue]) => queue as string);
  }

  /**
   * Wakes the consumers of other processes that rest. To be called after what they are woken for was committed: a notification
   * inside that transaction would make all commits of the database wait for each other. What is told while one statement is on
   * its way goes with the next. Never rejects: who is not woken finds the message by polling.
   */
  wake(queues: readonly string[]): void {
    for (const queue of queues) this.#told.add(queue);
    if (!this.#telling) this.#tell().catch(() => undefined);
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    try {
      while (this.#told.size > 0) {
        const queues = [...this.#told];
        this.#told.clear();
        await this.database.run(this.#wake, [this.channel, queues, this.own(queues)]);
      }
    } finally {
      this.#telling = false;
    }
  }
}
