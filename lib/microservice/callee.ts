import { unblocked } from '../contracts/deadline.js';
import type { Reply, ReplyAddress } from '../contracts/envelope.js';
import type { Run } from '../core/consuming/run.js';
import type { RunningTask } from '../core/consuming/running-task.js';
import { FunqError } from '../core/errors.js';
import type { WaitingPlace } from '../core/replies/replies.js';
import { sourceOf, type ReplyContent } from '../core/replies/reply-sender.js';
import type { Connection } from './connection.js';
import type { OutcomeWriter } from './outcome.writer.js';
import { eachValue, isStream } from './values.js';

/** A run that takes this many milliseconds tells its caller where it can be spoken to. */
const NOTICE = 50;

export interface CalleeParts {
  readonly connection: Connection;
  readonly writer: OutcomeWriter;
  readonly maxBuffer: number;
}

/**
 * One run that somebody waits for: sends its values as they come, and listens to a caller that gives up. A stream ends, too,
 * when its caller gives no sign of life any more. The outcome is not sent here: that is the settler's business.
 */
export class Callee {
  readonly #cancelNotice: () => void;
  /** The one that it speaks for: another one may begin before this has come to its end. */
  readonly #run: Run;
  #place: WaitingPlace | undefined;
  #cancelPatience: (() => void) | undefined;
  #last: unknown;
  /** The same, until another follows or a turn of the event loop has passed: the outcome may take it along. */
  #held: { readonly value: unknown } | undefined;
  #flushing = false;
  #parts = 0;
  #unconfirmed = 0;
  #wake: (() => void) | undefined;
  /** Nobody waits any more. */
  left = false;

  constructor(
    private readonly parts: CalleeParts,
    private readonly task: RunningTask,
    private readonly address: ReplyAddress,
  ) {
    this.#run = task.run;
    task.parts = 0;
    const { clock } = parts.connection;
    this.#cancelNotice = clock.after(NOTICE, () => void this.#send(async () => ({ from: this.#from() })), true);
  }

  /** The result; of a stream the last value, when the others were sent. */
  async answer(result: unknown): Promise<unknown> {
    if (!isStream(result)) return result;
    const { maxBuffer, writer } = this.parts;
    await eachValue(result, (value) => this.#take(value), { signal: this.#run.signal, maxBuffer });
    if (!this.#held && this.#parts > 0) writer.sent(this.task);
    this.#held = undefined;
    return this.#last;
  }

  /** The run is over. What it has given and is not sent yet goes ahead of the outcome. */
  end(): void {
    this.#flush();
    this.#cancelNotice();
    this.#cancelPatience?.();
    this.#place?.leave();
  }

  /** Waits where many are under way already. */
  #take(value: unknown): Promise<void> | void {
    this.#flush();
    this.#last = value;
    this.#held = { value };
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    if (this.#unconfirmed >= this.parts.maxBuffer) return new Promise((resolve) => (this.#wake = resolve));
  }

  #flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held) void this.#sendPart(held.value);
  }

  async #sendPart(value: unknown): Promise<void> {
    if (this.task.run !== this.#run) return;
    const part = this.#parts++;
    this.task.parts = this.#parts;
    this.#unconfirmed++;
    if (part === 0) this.#expectSigns();
    await this.#send(async () => {
      const from = part === 0 ? { from: this.#from() } : {};
      return { ...(await this.parts.writer.part(value, this.task.id)), part, ...from };
    });
    this.#unconfirmed--;
    this.#wake?.();
    this.#wake = undefined;
  }

  async #send(content: () => Promise<ReplyContent>): Promise<void> {
    const { sender, events } = this.parts.connection;
    try {
      await sender.send(this.address, { ...(await content()), ...sourceOf(this.task) });
    } catch (error) {
      events.emit('replyFailed', { queue: this.task.queue, task: this.task, error });
    }
  }

  /** Where this run can be spoken to from now on. */
  #from(): NonNullable<Reply['from']> {
    this.#cancelNotice();
    this.#place ??= this.parts.connection.route.replies.wait(this.task.id, {
      take: ({ error }) => (error ? this.#giveUp(error.message) : this.#expectSigns()),
      close: () => undefined,
    });
    const { queue, call } = this.#place;
    return { queue, call };
  }

  /** Another while without a sign of the caller ends a stream. A single result may still be wanted for what it does. */
  #expectSigns(): void {
    const ms = this.address.parts!;
    this.#cancelPatience?.();
    if (this.#parts === 0) return;
    const { clock } = this.parts.connection;
    this.#cancelPatience = unblocked(clock, ms, () => this.#giveUp(`no sign of the caller for ${ms} ms`), true);
  }

  #giveUp(reason: string): void {
    if (this.left) return;
    this.left = true;
    this.task.discard(reason);
    this.task.run.abort(new FunqError('FUNQ_DISCARDED', `task ${this.task.id} on ${this.task.queue}: ${reason}`));
  }
}
