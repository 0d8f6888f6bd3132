import type { ConsumerDeserializer, MessageHandler } from '@nestjs/microservices';
import type { ReplyAddress } from '../contracts/envelope.js';
import type { Policy } from '../contracts/policy.js';
import { currentRun, withinRun } from '../core/consuming/current-task.js';
import type { Run } from '../core/consuming/run.js';
import type { RunningTask } from '../core/consuming/running-task.js';
import { checkArguments } from '../nest/consuming/arguments.js';
import { promised } from '../nest/consuming/method.js';
import { ControlChain, type Control } from '../nest/interceptors/control.js';
import { Callee, type CalleeParts } from './callee.js';
import { FunqContext } from './funq.context.js';
import { eachValue, isStream } from './values.js';

/** By how many milliseconds clocks may differ. */
const SKEW = 60_000;

export interface PatternParts extends CalleeParts {
  readonly controls: readonly Control[];
  readonly deserializer: ConsumerDeserializer | undefined;
  /** Calls between the hooks that tell of processing. */
  within<T>(context: FunqContext, call: () => Promise<T>): Promise<T>;
}

/** What a worker calls for the messages of one pattern: the controls, then Nest's pipeline around the handler. */
export class PatternWork {
  /** Just the controls that the pattern asks for, and all of them for messages with options of their own. */
  readonly #own: ControlChain;
  readonly #full: ControlChain;
  readonly #handlers: readonly MessageHandler[];

  constructor(
    private readonly parts: PatternParts,
    private readonly pattern: string,
    handler: MessageHandler,
    private readonly policy: Policy,
  ) {
    this.#handlers = apart(handler);
    this.#own = new ControlChain(parts.controls.filter((control) => control.appliesTo(policy)));
    this.#full = new ControlChain(parts.controls);
  }

  /** Rejects with what Nest's exception filters made of an error. Promises are few: each costs as much as a function. */
  invoke(task: RunningTask): Promise<unknown> {
    const { reply } = task.envelope;
    const { clock } = this.parts.connection;
    if (reply?.parts !== undefined && clock.now() > reply.until + SKEW) {
      task.discard('its caller waits no more', 'expired');
      return Promise.resolve();
    }
    return task.policy.schema ? this.#checked(task) : this.#controlled(task);
  }

  async #checked(task: RunningTask): Promise<unknown> {
    task.args = await checkArguments(task.policy, task.args);
    return this.#controlled(task);
  }

  #controlled(task: RunningTask): Promise<unknown> {
    const chain = task.policy === this.policy ? this.#own : this.#full;
    return chain.around(task, () => {
      const { run } = task;
      task.called();
      // A run in place after the first one has its own signal and its own say.
      return currentRun() === run ? this.#run(task) : withinRun(run, () => this.#run(task));
    });
  }

  #run(task: RunningTask): Promise<unknown> {
    const context = new FunqContext([task.run, task.envelope.pattern ?? this.pattern]);
    const { within, deserializer } = this.parts;
    const [raw] = task.args;
    if (!deserializer) return within(context, () => this.#call(task, raw, context));
    return this.#read(raw, context).then((data) => within(context, () => this.#call(task, data, context)));
  }

  #call(task: RunningTask, data: unknown, context: FunqContext): Promise<unknown> {
    const { reply } = task.envelope;
    const { run } = task;
    const handlers = this.#handlers;
    const call = (handler: MessageHandler): unknown => handler(data, context);
    const handle = (): unknown => (handlers.length === 1 ? call(handlers[0]!) : this.#all(call, run));
    return reply?.parts === undefined ? this.#ended(handle, run) : this.#answered(task, reply, handle);
  }

  /** Fails when each has come to its end, so that another run finds none of them still at work. */
  async #all(call: (handler: MessageHandler) => unknown, run: Run): Promise<void> {
    const ends = await Promise.allSettled(this.#handlers.map((handler) => this.#ended(() => call(handler), run)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #ended(handle: () => unknown, run: Run): Promise<unknown> {
    return promised(handle).then((result) => (isStream(result) ? this.#last(result, run) : result));
  }

  async #answered(task: RunningTask, reply: ReplyAddress, handle: () => unknown): Promise<unknown> {
    const callee = new Callee(this.parts, task, reply);
    try {
      return await callee.answer(await handle());
    } catch (error) {
      // It failed because it was told to end.
      if (callee.left) return undefined;
      throw error;
    } finally {
      callee.end();
    }
  }

  /** Nobody takes its values as they come: to its end, and to its last value. */
  async #last(stream: unknown, { signal }: Run): Promise<unknown> {
    let last: unknown;
    const take = (value: unknown): void => void (last = value);
    await eachValue(stream, take, { signal, maxBuffer: this.parts.maxBuffer });
    return last;
  }

  async #read(raw: unknown, context: FunqContext): Promise<unknown> {
    return (await this.parts.deserializer!.deserialize(raw, { channel: context.getPattern() })).data as unknown;
  }
}

/** Handlers of one event, that Nest has chained: joined by it, one that fails, or ends without a value, cuts the others short. */
function apart(first: MessageHandler): readonly MessageHandler[] {
  if (!first.isEventHandler) return [first];
  const all: MessageHandler[] = [];
  for (let each: MessageHandler | undefined = first; each;) {
    const next = each.next as MessageHandler | undefined;
    delete each.next;
    all.push(each);
    each = next;
  }
  return all;
}
