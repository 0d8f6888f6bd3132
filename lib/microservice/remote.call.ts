import { unblocked } from '../contracts/deadline.js';
import type { Reply, ReplyAddress } from '../contracts/envelope.js';
import { recordError } from '../core/error-record.js';
import { FunqError, FunqRemoteError } from '../core/errors.js';
import { closed, type Waiting, type WaitingPlace } from '../core/replies/replies.js';
import type { Connection } from './connection.js';
import { overflow } from './values.js';

/** Hears of a call; nothing after its end or its failure. */
export interface CallListener {
  next(reply: Reply): void;
  end(): void;
  fail(error: unknown, reply?: Reply): void;
}

export interface CallOptions {
  /** The pattern, for messages. */
  readonly pattern: string;
  /** Milliseconds for the first answer, and for each that follows. */
  readonly timeout: number;
  readonly maxBuffer: number;
}

type Callee = NonNullable<Reply['from']>;

/** How many signs of life a caller gives in the time that it waits for an answer. */
const SIGNS = 3;

/** One call: puts the parts of its result in order, waits no longer than it may, tells the callee when it gives up. */
export class RemoteCall implements Waiting {
  readonly #place: WaitingPlace;
  /** Parts that came before their turn. */
  readonly #early = new Map<number, Reply>();
  #next = 0;
  #outcome: Reply | undefined;
  /** The queue whose answer counts. */
  #source: string | undefined;
  /** By the queue that the request came to them from: where it is spread, several have a copy. */
  readonly #callees = new Map<string | undefined, Callee>();
  #stopSigns: (() => void) | undefined;
  #cancelTimeout: () => void;
  #over = false;
  /** The broker holds the request. */
  sent = false;

  /** Throws `FUNQ_CLOSED` when the client is closed. */
  constructor(
    private readonly connection: Connection,
    private readonly options: CallOptions,
    private readonly listener: CallListener,
  ) {
    this.#place = connection.route.replies.wait(options.pattern, this);
    this.#cancelTimeout = this.#arm();
  }

  get address(): ReplyAddress {
    const { timeout } = this.options;
    const { queue, call } = this.#place;
    return { queue, call, until: this.connection.clock.now() + timeout, parts: timeout };
  }

  take(reply: Reply): void {
    if (reply.from) this.#meet(reply.from, reply.source);
    if (this.#over) {
      // Nobody is left that could be told to end.
      if (reply.part === undefined && !reply.from && reply.source === undefined) this.#end();
      return;
    }
    if (!this.#isChosen(reply)) return;
    if (reply.part !== undefined) this.#keep(reply.part, reply);
    else if (!reply.from) this.#outcome = reply;
    this.#hand();
  }

  close(): void {
    if (!this.#over) this.#giveUp(closed(this.options.pattern));
    this.#end();
  }

  fail(error: unknown, reply?: Reply): void {
    if (this.#over) return;
    this.#end();
    this.listener.fail(error, reply);
  }

  /** Callees are told, as soon as it is known who they are. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopSigns?.();
    this.#cancelTimeout();
    // Some may be known within the time that the call would have waited.
    this.#cancelTimeout = this.connection.clock.after(this.options.timeout, () => this.#end(), true);
    this.#leave(this.#callees.values());
  }

  /** Where several services got the request, the first that answers is the one that counts. */
  #isChosen({ source, part, from }: Reply): boolean {
    const isAnswer = part !== undefined || !from;
    if (isAnswer) this.#source ??= source;
    return this.#source === undefined || source === this.#source;
  }

  #keep(part: number, reply: Reply): void {
    // Another run, after a failure or a crash, begins anew: each place is taken once.
    if (part < this.#next) return;
    this.#early.set(part, reply);
    if (this.#early.size > this.options.maxBuffer) return this.#giveUp(overflow(this.options.maxBuffer));
    this.#cancelTimeout();
    this.#cancelTimeout = this.#arm();
  }

  #hand(): void {
    for (let reply; !this.#over && (reply = this.#early.get(this.#next)); this.#next++) {
      this.#early.delete(this.#next);
      if (reply.error) return this.#giveUp(new FunqRemoteError(reply.error), reply);
      this.listener.next(reply);
    }
    const outcome = this.#outcome;
    if (this.#over || !outcome || this.#next < (outcome.parts ?? 0)) return;
    if (outcome.error) return this.fail(new FunqRemoteError(outcome.error), outcome);
    this.#end();
    if (outcome.value !== undefined) this.listener.next(outcome);
    this.listener.end();
  }

  #meet(callee: Callee, source: string | undefined): void {
    this.#callees.set(source, callee);
    if (this.#over) return this.#leave([callee]);
    this.#stopSigns ??= this.connection.clock.every(this.options.timeout / SIGNS, () => {
      for (const [from, each] of this.#callees) if (from === (this.#source ?? from)) this.#tell(each, {});
    });
  }

  #giveUp(error: FunqError, reply?: Reply): void {
    this.listener.fail(error, reply);
    this.cancel();
  }

  #arm(): () => void {
    const { timeout } = this.options;
    return unblocked(this.connection.clock, timeout, () => {
      this.#giveUp(this.#unanswered());
      this.#end();
    });
  }

  /** Says that it has given up, for good where there is but one to be told. */
  #leave(callees: Iterable<Callee>): void {
    const error = recordError(new FunqError('FUNQ_DISCARDED', 'its caller has given up'));
    for (const callee of callees) this.#tell(callee, { error });
    if (this.#callees.has(undefined)) this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#cancelTimeout();
    this.#stopSigns?.();
    this.#place.leave();
  }

  #tell({ queue, call }: Callee, content: Pick<Reply, 'error'>): void {
    const { clock, sender } = this.connection;
    const until = clock.now() + this.options.timeout;
    // A word that is lost is made up for by the callee's own patience.
    sender.send({ queue, call, until }, content).catch(() => undefined);
  }

  #unanswered(): FunqError {
    const { pattern, timeout } = this.options;
    let why = 'no service took it up: none has a handler of this pattern and runs, or all are busy';
    if (!this.sent) why = 'the broker has not confirmed the request yet';
    if (this.#callees.size > 0)
      why = 'a service took it up and has not answered; it was told that nobody waits any more';
    return new FunqError('FUNQ_REPLY_TIMEOUT', `no answer to ${pattern} within ${timeout} ms: ${why}`);
  }
}
