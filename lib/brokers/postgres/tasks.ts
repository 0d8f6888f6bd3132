import type { Delivery, Outgoing, PublishFailure } from '../../contracts/broker.js';
import { bytesArray, numbersArray } from './arrays.js';
import { SINCE } from './consumers.js';
import type { PostgresDatabase, Row, Statement } from './database.js';
import { quoted } from './options.js';
import { NOBODY } from './tables.js';

export interface Receipt {
  /** Digits: only the server counts with it. */
  readonly seq: string;
}

export interface Claim {
  readonly taken: Delivery[];
  /** Whether the consumer is still there. */
  readonly alive: boolean;
  /** Nothing was ready, and from now on the consumer is woken: look once more. */
  readonly rested: boolean;
  /** Milliseconds until the next delayed message falls due. */
  readonly due: number;
}

export interface Present {
  readonly present: ReadonlySet<string>;
  /** Whether the consumer is still there: so long, nobody else gets what it holds. */
  readonly alive: boolean;
  /** When the server was started. */
  readonly since: string;
}

/** Runs statements: the pool, or the caller's transaction. */
export type Run = (statement: Statement, values: readonly unknown[]) => Promise<readonly Row[]>;

type ClaimRow = [string | null, string, string, string, boolean, boolean | null, number | null];

/** The most that one claim takes: large bodies in large numbers would hold up everybody else. */
export const MOST = 250;
/** Bytes that go in one statement, so that none comes near its deadline. */
const BYTES = 16 * 2 ** 20;

/** The table of messages. */
export class PostgresTasks {
  readonly #publish: Statement;
  readonly #claim: Statement;
  readonly #ack: Statement;
  readonly #present: Statement;
  readonly #recover: Statement;
  readonly #release: Statement;
  readonly #count: Statement;
  readonly #purge: Statement;

  constructor(private readonly database: PostgresDatabase) {
    const schema = quoted(database.target.schema);
    const free = `owner = ${NOBODY}`;
    const live = '(expires IS NULL OR expires > clock_timestamp())';
    const statement = (sql: string): Statement => database.statement(sql.replaceAll('$schema', () => schema));
    this.#publish = statement('SELECT * FROM $schema.funq_publish($1, $2, $3, $4, $5, $6, $7)');
    this.#claim = statement('SELECT * FROM $schema.funq_claim($1, $2, $3)');
    this.#ack = statement('SELECT * FROM $schema.funq_ack($1, $2)');
    const among = (owners: string): string =>
      `SELECT seq::text FROM $schema.funq_tasks WHERE ${owners} AND seq = ANY ($1)`;
    // Each half by the index, whose first column is the owner.
    this.#present = statement(`SELECT ${SINCE}, ARRAY (${among(free)} UNION ALL ${among(`owner > ${NOBODY}`)}),
      EXISTS (SELECT 1 FROM $schema.funq_consumers WHERE id = $2)`);
    this.#recover = statement(`SELECT seq, deliveries - 1, body FROM $schema.funq_tasks
      WHERE owner = $1 AND owner <> ${NOBODY} AND seq <> ALL ($2) ORDER BY priority DESC, seq LIMIT $3`);
    this.#release = statement('SELECT * FROM $schema.funq_release($1, $2)');
    // Not prepared: planned anew, by what the table holds now.
    const plain = (sql: string): Statement => ({ text: sql.replaceAll('$schema', () => schema) });
    this.#count = plain(`SELECT count(*)::float8 FROM $schema.funq_tasks
      WHERE queue = $1 AND ${free} AND (due IS NULL OR due <= clock_timestamp()) AND ${live}`);
    this.#purge = statement('SELECT $schema.funq_purge($1, $2)');
  }

  /** Stores messages; the answer is the repeats, and those that were not reached when storing broke off. */
  async add(queue: string, messages: readonly Outgoing[], run: Run = this.#run): Promise<PublishFailure[]> {
    const failures: PublishFailure[] = [];
    for (let from = 0; from < messages.length;) {
      const until = partFrom(messages, from);
      try {
        const repeats = await run(this.#publish, [queue, ...columnsOf(messages.slice(from, until))]);
        for (const [at] of repeats) failures.push(repeated(from + (at as number), messages));
      } catch (error) {
        if (from === 0) throw error;
        for (let index = from; index < messages.length; index++) failures.push({ index, error: error as Error });
        return failures;
      }
      from = until;
    }
    return failures;
  }

  /** Up to `max` ready messages for `owner`, in order; none when it was given up for dead. */
  async claim(queue: string, owner: number, max: number): Promise<Claim> {
    const [row] = await this.#run(this.#claim, [queue, owner, Math.min(max, MOST)]);
    const [seqs, redelivered, lengths, bodies, alive, rested, due] = row as ClaimRow;
    const taken =
      seqs === null ? [] : deliveriesIn(seqs.split(','), redelivered.split(','), lengths.split(','), bodies);
    return { taken, alive, rested: rested ?? false, due: due === null ? Infinity : Math.max(0, due) };
  }

  /** The ones of `seqs` that `owner` did not hold any more; the others are gone. */
  async ack(owner: number, seqs: readonly string[]): Promise<Set<string>> {
    return seqsIn(await this.#run(this.#ack, [owner, `{${seqs.join()}}`]));
  }

  /** The ones of `seqs` that are there, whoever has them. */
  async present(owner: number, seqs: readonly string[]): Promise<Present> {
    const [row] = await this.#run(this.#present, [`{${seqs.join()}}`, owner]);
    const [since, present, alive] = row as [string, string[], boolean];
    return { present: new Set(present), alive, since };
  }

  /** What `owner` holds and does not know of: the answer to a claim got lost. */
  async recover(owner: number, known: readonly string[], max: number): Promise<Delivery[]> {
    const rows = await this.#run(this.#recover, [owner, `{${known.join()}}`, Math.min(max, MOST)]);
    return rows.map(([seq, redelivered, body]) => {
      const receipt: Receipt = { seq: seq as string };
      return { body: body as Buffer, receipt, redelivered: redelivered as number };
    });
  }

  /** The ones of `seqs` that `owner` did not hold any more; the others wait again, as if they had not been handed out. */
  async release(owner: number, seqs: readonly string[]): Promise<Set<string>> {
    return seqsIn(await this.#run(this.#release, [owner, `{${seqs.join()}}`]));
  }

  async count(queue: string): Promise<number> {
    const [row] = await this.#run(this.#count, [queue]);
    return row![0] as number;
  }

  /** Removes some of what is not handed out; the answer is less than `limit` when that was the rest. */
  async purge(queue: string, limit: number): Promise<number> {
    const [row] = await this.#run(this.#purge, [queue, limit]);
    return row![0] as number;
  }

  readonly #run: Run = (statement, values) => this.database.run(statement, values);
}

/** Where the part ends that goes in one statement. */
function partFrom(messages: readonly Outgoing[], from: number): number {
  let bytes = 0;
  for (let at = from; at < messages.length; at++) {
    bytes += messages[at]!.body.length;
    if (bytes > BYTES && at > from) return at;
  }
  return messages.length;
}

function columnsOf(messages: readonly Outgoing[]): unknown[] {
  const unique = messages.some((message) => message.unique !== undefined);
  return [
    bytesArray(messages.map(({ body }) => body)),
    numbersArray(messages.map(({ priority }) => priority || undefined)),
    numbersArray(messages.map(({ delay }) => delay || undefined)),
    numbersArray(messages.map(({ ttl }) => ttl)),
    unique ? messages.map(({ id }) => id) : '{}',
    unique ? numbersArray(messages.map((message) => message.unique)) : '{}',
  ];
}

/** The bodies came as one text. */
function deliveriesIn(
  seqs: readonly string[],
  redelivered: readonly string[],
  lengths: readonly string[],
  bodies: string,
): Delivery[] {
  const bytes = Buffer.from(bodies, 'base64');
  let at = 0;
  return seqs.map((seq, index) => {
    const body = bytes.subarray(at, (at += Number(lengths[index])));
    const receipt: Receipt = { seq };
    return { body, receipt, redelivered: Number(redelivered[index]) };
  });
}

const repeated = (index: number, messages: readonly Outgoing[]): PublishFailure => ({
  index,
  error: new Error(`${messages[index]!.id} was published before`),
  repeated: true,
});

const seqsIn = (rows: readonly Row[]): Set<string> => new Set(rows.map(([seq]) => seq as string));
