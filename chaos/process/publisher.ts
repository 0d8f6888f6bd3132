import { setTimeout as sleep } from 'node:timers/promises';
import type { FunqPublisher } from 'nestjs-funq';
import type { LedgerWriter } from '../rig/ledger.js';
import { Random } from '../rig/random.js';
import { ChaosFunctions } from './functions.js';
import type { ProcessOrder, PublishOrder } from './order.js';

/** The longest that a task's function takes, in milliseconds. */
const LONGEST = 5;
/** Milliseconds before anything is published again after a refusal. */
const PAUSE = 100;

/** Publishes as many tasks as it is told to, and writes down what became of each. */
export class ChaosPublisher {
  readonly #random: Random;
  #count = 0;

  constructor(
    private readonly funq: FunqPublisher,
    private readonly ledger: LedgerWriter,
    private readonly order: ProcessOrder,
  ) {
    this.#random = new Random(order.seed);
  }

  async publish({ more }: PublishOrder): Promise<void> {
    const outcomes = await Promise.all(Array.from({ length: more }, () => this.#one()));
    if (outcomes.includes('rejected')) await sleep(PAUSE);
  }

  async #one(): Promise<'acknowledged' | 'rejected'> {
    const id = `${this.order.name}-${++this.#count}`;
    this.ledger.write('attempted', id);
    try {
      await this.funq.to(ChaosFunctions, { id }).work(this.#random.between(0, LONGEST), null);
      this.ledger.write('acknowledged', id);
      return 'acknowledged';
    } catch (error) {
      this.ledger.write('rejected', id, codeOf(error));
      return 'rejected';
    }
  }
}

/** The code of what is at the bottom of it: what the broker itself said. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return cause instanceof Error && 'code' in cause ? codeOf(cause) : (code ?? 'unknown');
}
