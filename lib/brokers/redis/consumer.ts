import type { Pulse, PulseSource } from '../../contracts/broker.js';
import type { Claimed } from './messages.js';
import type { RedisQueues, Settling } from './queues.js';

/** A consumer as long as the server has not given it up: whoever still holds another one's receipts has lost what they are for. */
export interface Tenure {
  /** The consumer's name there, which changes when the two have to agree anew on what it holds. */
  name: string;
}

/** How a consumer is kept alive from another thread. */
export interface PulseId {
  readonly key: string;
  readonly consumer: string;
  readonly lease: number;
}

/** What the server knows a subscription as, and that both mean the same by it. */
export class RedisConsumer {
  /** What it was handed out and has not settled, by member; of these, what nobody has received yet. */
  readonly #out = new Map<string, Claimed>();
  inbox: Claimed[] = [];
  /** What the server is being told of. */
  readonly #settling = new Set<Claimed>();
  /** How many it was handed in all. */
  #handed = 0;
  /** A look that is under way: what it brings is for the name that it was made by. */
  looking: Promise<unknown> | undefined;
  /** What the server said got lost, so it may have handed out more. */
  inDoubt = false;
  /** The name that it is to get, or has got already as far as the server is concerned. */
  #next: string | undefined;
  #ended = false;
  #tenure: Tenure | undefined;
  #pulse: Pulse | undefined;
  /** It is getting another name; until then nothing is done in its old one. */
  #changing: Promise<void> | undefined;

  /** `source`: where another thread can beat; undefined where it can't connect. */
  constructor(
    private readonly key: string,
    private readonly lease: number,
    private readonly queues: RedisQueues,
    private readonly source: PulseSource | undefined,
  ) {}

  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  get pulse(): Pulse | undefined {
    return this.#pulse;
  }

  /** Whether the server means this consumer, and nothing of what it said before is to be forgotten. */
  is(name: string): boolean {
    return name === this.#tenure?.name && !this.inDoubt;
  }

  keep(messages: readonly Claimed[]): void {
    this.#handed += messages.length;
    for (const claimed of messages) {
      this.#out.set(claimed.member, claimed);
      this.inbox.push(claimed);
    }
  }

  /**
   * To be called when the server is asked; what it returns, with how many the server then held. More than the consumer knows of is
   * what it was handed by an answer that it did not hear, as a client that mends itself asks again; or what it has settled, where
   * a server took over that lacks the last moments.
   */
  expecting(): (held: number) => void {
    const others = this.#out.size - this.#settling.size - this.#handed;
    return (held) => {
      this.inDoubt ||= held > others + this.#handed;
    };
  }

  /** False when the server had given it up. */
  async settle(verb: Settling, messages: readonly Claimed[]): Promise<boolean> {
    const members = messages.map(({ member }) => member);
    const sent = (): void => messages.forEach((claimed) => this.#settling.add(claimed));
    try {
      return await this.queues.settle(verb, this.key, this.#tenure!.name, members, sent);
    } finally {
      for (const claimed of messages) this.#settling.delete(claimed);
    }
  }

  /** False when it was settled, even if the same message came again since. */
  holds(claimed: Claimed): boolean {
    return this.#out.get(claimed.member) === claimed;
  }

  forget(messages: readonly Claimed[]): void {
    for (const claimed of messages) if (this.holds(claimed)) this.#out.delete(claimed.member);
  }

  /** A new one, unless it was replaced already: the old receipts are worth nothing from then on. */
  async join(lost?: Tenure): Promise<void> {
    if (this.#tenure === lost) await this.#change(() => (this.#next ? this.#settleDoubt() : this.#join()));
  }

  /** The tenure, without doubts. */
  async agreed(): Promise<Tenure> {
    await this.#settled();
    if (this.inDoubt) await this.#change(() => this.#settleDoubt());
    return this.#tenure!;
  }

  /** The tenure, by a name that the server knows unless it has given it up. */
  async named(): Promise<Tenure> {
    await this.#settled();
    return this.#next ? this.agreed() : this.#tenure!;
  }

  /** It gets no other name from now on. */
  async leave(): Promise<void> {
    this.#ended = true;
    await this.#settled();
    const unseen = new Set(this.inbox.map(({ member }) => member));
    const received = [...this.#out.keys()].filter((member) => !unseen.has(member));
    const names = [this.#tenure?.name, this.#next].filter((name) => name !== undefined);
    await Promise.all(names.map((name) => this.queues.leave(this.key, name, received)));
  }

  /** Resolves when no change is under way. Whoever began one tells if it failed; another one may begin while this one is waited for. */
  async #settled(): Promise<void> {
    do await this.#changing?.catch(() => undefined);
    while (this.#changing);
  }

  async #change(work: () => Promise<void>): Promise<void> {
    if (!this.#ended) await (this.#changing ??= work().finally(() => (this.#changing = undefined)));
  }

  async #join(): Promise<void> {
    const name = await this.queues.join(this.key, this.lease);
    this.#out.clear();
    this.#settling.clear();
    this.inbox = [];
    this.#tenure = { name };
    this.#began(name);
  }

  /** The same consumer by another name, which holds what was received and is known of, and nothing else. */
  async #settleDoubt(): Promise<void> {
    const tenure = this.#tenure!;
    const next = (this.#next ??= await this.queues.name());
    await this.looking?.catch(() => undefined);
    this.forget(this.inbox);
    this.inbox = [];
    const moved = await this.queues.move(this.key, tenure.name, next, this.lease, this.#out.keys());
    this.#next = undefined;
    if (!moved) return this.#join();
    tenure.name = next;
    this.#began(next);
  }

  #began(consumer: string): void {
    this.inDoubt = false;
    const id: PulseId = { key: this.key, consumer, lease: this.lease };
    this.#pulse = this.source && { source: this.source, id };
  }
}
