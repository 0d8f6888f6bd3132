import type { ConsumerDeserializer, MessageHandler } from '@nestjs/microservices';
import type { Policy } from '../contracts/policy.js';
import { currentRun, withinRun } from '../core/current-task.js';
import type { RunningTask } from '../core/running-task.js';
import { checkArguments } from '../nest/arguments.js';
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

  constructor(
    private readonly parts: PatternParts,
    private readonly pattern: string,
    private readonly handler: MessageHandler,
    private readonly policy: Policy,
  ) {
    this.#own = new ControlChain(parts.controls.filter((control) => control.appliesTo(policy)));
    this.#full = new ControlChain(parts.controls);
  }

  /** Rejects with what Nest's exception filters made of an error. */
  async invoke(task: RunningTask): Promise<unknown> {
    const { reply } = task.envelope;
    const { clock } = this.parts.connection;
    if (reply?.parts !== undefined && clock.now() > reply.until + SKEW) {
      task.discard('its caller waits no more', 'expired');
      return undefined;
    }
    if (task.policy.schema) task.args = await checkArguments(task.policy, task.args);
    const chain = task.policy === this.policy ? this.#own : this.#full;
    return chain.around(task, () => {
      const { run } = task;
      task.called();
      // A run in place after the first one has its own signal and its own say.
      return currentRun() === run ? this.#run(task) : withinRun(run, () => this.#run(task));
    });
  }

  async #run(task: RunningTask): Promise<unknown> {
    const context = new FunqContext([task.run, this.pattern]);
    const data = this.parts.deserializer ? await this.#read(task.args[0]) : task.args[0];
    return this.parts.within(context, async () => {
      const { reply } = task.envelope;
      if (reply?.parts === undefined) return this.#alone(task, await this.handler(data, context));
      const callee = new Callee(this.parts, task, reply);
      try {
        return await callee.answer(await this.handler(data, context));
      } catch (error) {
        // It failed because it was told to end.
        if (callee.left) return undefined;
        throw error;
      } finally {
        callee.end();
      }
    });
  }

  /** Nobody takes its values as they come: to its end, and to its last value. */
  async #alone(task: RunningTask, result: unknown): Promise<unknown> {
    if (!isStream(result)) return result;
    let last: unknown;
    const take = (value: unknown): void => void (last = value);
    await eachValue(result, take, { signal: task.signal, maxBuffer: this.parts.maxBuffer });
    return last;
  }

  async #read(raw: unknown): Promise<unknown> {
    return (await this.parts.deserializer!.deserialize(raw, { channel: this.pattern })).data as unknown;
  }
}
