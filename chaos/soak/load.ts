import type { FunqPublisher } from 'nestjs-funq';
import { Random } from '../rig/random.js';
import { SoakFunctions } from './functions.js';

/** How much of each hundred tasks calls which function. */
const MIX = {
  quick: 40, slow: 5, failing: 8, returning: 3, requeued: 3, dying: 2, overdue: 1, filtered: 12, rated: 5, delayed: 8,
  expiring: 3, asked: 10,
} as const; // prettier-ignore

type Kind = keyof typeof MIX;

const KINDS = Object.entries(MIX).flatMap(([kind, share]) => new Array<Kind>(share).fill(kind as Kind));
/** Milliseconds between two handfuls of tasks. */
const STEP = 100;

/** Publishes a mix of tasks at a steady pace. */
export class Load {
  readonly #random: Random;
  readonly #open = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  published = 0;
  /** What went wrong while publishing or asking; nothing should. */
  readonly errors: string[] = [];

  constructor(
    private readonly funq: FunqPublisher,
    private readonly perSecond: number,
    seed: number,
  ) {
    this.#random = new Random(seed);
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (this.#due += (this.perSecond * STEP) / 1000; this.#due >= 1; this.#due--) this.#one();
    }, STEP);
  }

  /** Resolves when everything that was published is held by the broker, and everybody who asked has an answer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  #one(): void {
    const kind = this.#random.pick(KINDS);
    this.published++;
    const call = this.#publish(kind)
      .catch((error: unknown) => this.errors.push(`${kind}: ${String(error)}`))
      .finally(() => this.#open.delete(call));
    this.#open.add(call);
  }

  async #publish(kind: Kind): Promise<unknown> {
    const { funq } = this;
    const between = (low: number, high: number): number => this.#random.between(low, high);
    switch (kind) {
      case 'quick':
        return funq.to(SoakFunctions).quick('x'.repeat(between(0, 500)));
      case 'slow':
        return funq.to(SoakFunctions).slow(between(100, 1000));
      case 'failing':
        return funq.to(SoakFunctions).failing(between(1, 3));
      case 'filtered':
        return funq.to(SoakFunctions).filtered(between(1, 200));
      case 'delayed':
        return funq.to(SoakFunctions, { delay: between(500, 5000) }).delayed();
      case 'expiring':
        // Every other one is late when it is due.
        return funq.to(SoakFunctions, { delay: between(0, 1) * 300 }).expiring();
      case 'asked': {
        const answer = await funq.ask(SoakFunctions).asked('soak');
        if (answer !== 'SOAK') throw new Error(`answered ${answer}`);
        return;
      }
      default:
        return funq.to(SoakFunctions)[kind]();
    }
  }
}
