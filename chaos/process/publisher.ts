import { setTimeout as sleep } from 'node:timers/promises';
import type { FunqPublisher } from 'nestjs-funq';
import type { LedgerWriter } from '../rig/ledger.js';
import { Random } from '../rig/random.js';
import { ChaosFunctions } from './functions.js';
import type { Deed, ProcessOrder, PublishOrder } from './order.js';

/** Milliseconds before anything is published again after a refusal. */
const PAUSE = 100;

/** Publishes tasks, and writes down what became of each. */
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

  /** As many tasks as asked for, each of which takes its time. */
  async publish({ more }: PublishOrder): Promise<void> {
    const { longest } = this.order;
    const outcomes = await Promise.all(Array.from({ length: more }, () => this.one(this.#random.between(0, longest))));
    if (outcomes.includes(undefined)) await sleep(PAUSE);
  }

  /** A task that does `deed`; resolves to its id when the broker holds it, to undefined when it was refused. */
  async one(ms: number, deed?: Deed): Promise<string | undefined> {
    const id = `${deed ?? this.order.name}-${++this.#count}`;
    this.ledger.write('attempted', id);
    try {
      await this.funq.to(ChaosFunctions, { id }).work(ms, deed ?? null);
      this.ledger.write('acknowledged', id);
      return id;
    } catch (error) {
      this.ledger.write('rejected', id, codeOf(error));
      return undefined;
    }
  }
}

/** The code of what is at the bottom of it: what the broker itself said. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: unknown };
  const inner = (cause as { code?: unknown } | undefined)?.code;
  return typeof inner === 'string' && inner.startsWith('FUNQ_') ? codeOf(cause) : (code ?? 'unknown');
}
