import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Consumer, CurrentTask, FunqEvents, FunqPublisher, type Envelope, type Task } from 'nestjs-funq';
import { LedgerWriter } from '../rig/ledger.js';
import { CONCURRENCY, FOLLOW_QUEUE, QUEUE, type Deed, type ProcessOrder } from './order.js';

export const ORDER = Symbol('process order');

/** The functions under test. They write down when they begin and end, and what the engine says of their tasks. */
@Injectable()
export class ChaosFunctions {
  /** Number of the run that holds this envelope. */
  readonly #runs = new WeakMap<Envelope, number>();
  #count = 0;

  constructor(
    private readonly funq: FunqPublisher,
    private readonly ledger: LedgerWriter,
    @Inject(ORDER) private readonly order: ProcessOrder,
    events: FunqEvents,
  ) {
    events.on('done', ({ task }) => this.#note('done', task));
    events.on('deferred', ({ task }) => ledger.write('back', task.id));
    events.on('leaseLost', ({ task }) => task && this.#note('lost', task));
  }

  /** Takes `ms` milliseconds. Does not look at its signal: an acknowledgement after a lost lease must be refused by the engine. */
  @Consumer({ queue: QUEUE, concurrency: CONCURRENCY })
  async work(ms: number, deed: Deed | null, @CurrentTask() task: Task): Promise<void> {
    this.#begin(task);
    if (deed) this.#do(deed, ms, task);
    else if (ms > 0) await sleep(ms);
    if (this.order.follow) await this.#follow(task);
    this.#note('end', task);
  }

  @Consumer({ queue: FOLLOW_QUEUE, concurrency: CONCURRENCY })
  followed(@CurrentTask() task: Task): void {
    this.#begin(task);
    this.#note('end', task);
  }

  #do(deed: Deed, ms: number, task: Task): void {
    if (deed === 'die') process.kill(process.pid, 'SIGKILL');
    if (deed === 'block') spin(ms);
    if (deed !== 'hang' || task.redelivered > 0) return;
    this.ledger.write('fault');
    spin(ms);
    this.ledger.write('over');
  }

  async #follow(task: Task): Promise<void> {
    const id = `${task.id}-follow`;
    this.ledger.write('attempted', id);
    await this.funq.to(ChaosFunctions, { id }).followed();
    this.ledger.write('acknowledged', id);
  }

  #begin(task: Task): void {
    this.#runs.set(task.envelope, ++this.#count);
    this.#note('start', task);
  }

  #note(mark: 'start' | 'end' | 'done' | 'lost', task: Task): void {
    const run = this.#runs.get(task.envelope);
    // Lost before its function was called: nothing has run.
    if (run !== undefined) this.ledger.write(mark, task.id, run);
  }
}

function spin(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
