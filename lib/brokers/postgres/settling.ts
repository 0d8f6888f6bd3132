import type { PostgresTasks } from './tasks.js';

/** How a consumer is rid of messages, also where an answer gets lost. */
export class PostgresSettling {
  #owner = 0;
  /** When the server was started that the consumer was last known to be on. */
  #since = '';
  /** Acknowledged, and the answer was not heard yet. */
  readonly #unheard = new Set<string>();
  readonly #returning = new Set<string>();
  #over = false;

  constructor(private readonly tasks: PostgresTasks) {}

  /** `owner` takes the place of the consumer before, on a server that was started then. */
  begin(owner: number, since: string): void {
    this.#owner = owner;
    this.#since = since;
    this.#unheard.clear();
    this.#over = false;
  }

  /** What the consumer gave back may be given back once more, by a try that arrives late: it must not take anything any more. */
  get over(): boolean {
    return this.#over;
  }

  /** The ones of `seqs` that are not ours. */
  async release(owner: number, seqs: readonly string[]): Promise<Set<string>> {
    if (seqs.some((seq) => this.#returning.has(seq))) this.#end(owner);
    for (const seq of seqs) this.#returning.add(seq);
    try {
      return await this.tasks.release(owner, seqs);
    } catch (error) {
      this.#end(owner);
      throw error;
    } finally {
      for (const seq of seqs) this.#returning.delete(seq);
    }
  }

  /**
   * The ones of `seqs` that are not ours. What is acknowledged again and is gone was taken the first time, if the consumer is there
   * all the while: only the answer got lost. Else, or where a server that fell meanwhile may have forgotten who had it, it may as
   * well be another's work.
   */
  async ack(owner: number, seqs: readonly string[]): Promise<Set<string>> {
    const again = seqs.filter((seq) => this.#unheard.has(seq));
    for (const seq of seqs) this.#unheard.add(seq);
    const lost = await this.tasks.ack(owner, seqs);
    for (const seq of seqs) this.#unheard.delete(seq);
    const doubtful = again.filter((seq) => lost.has(seq));
    if (doubtful.length === 0) return lost;
    const { present, alive, since } = await this.tasks.present(owner, doubtful);
    const known = alive && since === this.#since;
    this.#since = since;
    for (const seq of doubtful) if (known && !present.has(seq)) lost.delete(seq);
    return lost;
  }

  #end(owner: number): void {
    if (owner === this.#owner) this.#over = true;
  }
}
