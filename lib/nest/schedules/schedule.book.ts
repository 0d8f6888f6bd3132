import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import type { SchedulePolicy } from '../../contracts/schedule.js';
import { FunqError } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { PunctualStore } from '../../core/punctual-store.js';
import { readSchedule } from '../../core/schedules/schedule.js';
import { TickSender, type ScheduledTask } from '../../core/schedules/tick-sender.js';
import { SharedSettings } from '../../core/shared-settings.js';
import { BrokerRegistry } from '../broker.registry.js';
import { checkArguments } from '../consuming/arguments.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_COORDINATION, FUNQ_SETTINGS } from '../funq.tokens.js';
import { readPublishOptions } from '../publishing/publish.options.js';
import { checkSchedule, clashing } from './schedule.checks.js';
import {
  readOptions,
  readStanding,
  UNTOUCHED,
  writeStanding,
  type AddedSchedule,
  type Standing,
} from './schedule.standing.js';

/** A schedule of a consumer of this app, and how it stands. */
export interface Scheduled {
  readonly policy: Policy;
  readonly schedule: SchedulePolicy;
  readonly task: ScheduledTask;
  readonly sender: TickSender;
}

export interface Entry extends Scheduled {
  readonly standing: Standing;
}

const PREFIX = 'schedule/';

/** Every schedule of the app: those that consumers declare and those that were added, as processes have left them. */
@Injectable()
export class ScheduleBook {
  /** Whether the app's schedules are known. */
  open = false;
  readonly #consumers = new Map<string, Policy>();
  readonly #declared = new Map<string, Scheduled>();
  readonly #senders = new Map<string, TickSender>();
  readonly #added = new Map<string, Scheduled>();
  /** What stands in the settings, by name. */
  readonly #standings = new Map<string, Standing>();
  #changed: () => void = () => undefined;

  constructor(
    private readonly brokers: BrokerRegistry,
    private readonly events: Events,
    private readonly shared: SharedSettings,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {
    shared.on(PREFIX, (key, text) => this.#note(key.slice(PREFIX.length), text));
  }

  /** Takes note of the app's consumers and their schedules, and refuses what can't work. */
  async declare(policies: readonly Policy[]): Promise<void> {
    for (const policy of policies) {
      this.#consumers.set(`${policy.broker}/${policy.queue}`, policy);
      for (const schedule of policy.schedules) {
        const other = this.#declared.get(schedule.name);
        if (other) throw clashing(schedule.name, other.policy.handler, policy.handler);
        this.#declared.set(schedule.name, await this.prepare(policy, schedule));
      }
    }
    this.open = true;
  }

  /** Checks all that can be checked before the first moment comes: store and broker, options, arguments, size. */
  async prepare(policy: Policy, schedule: SchedulePolicy): Promise<Scheduled> {
    const { outbox } = this.brokers.get(policy.broker, policy.handler);
    checkSchedule(policy, schedule, outbox.broker, this.store);
    const sender = this.#sender(policy);
    const scheduled = { policy, schedule, task: this.#task(policy, schedule), sender };
    await checkArguments(policy, schedule.args);
    const { body } = sender.message(scheduled.task, `${schedule.name}@2000-01-01T00:00:00.000Z`, { due: 0, keep: 0 });
    if (body.length <= this.settings.maxPayload) return scheduled;
    throw new FunqError(
      'FUNQ_PAYLOAD_TOO_LARGE',
      `${policy.handler}: tasks of schedule '${schedule.name}' have ${body.length} bytes, more than maxPayload of ${this.settings.maxPayload}`,
    );
  }

  /** Whether the app has its consumer: that of a class which it only publishes to may be elsewhere. */
  knows({ broker, queue }: Pick<Policy, 'broker' | 'queue'>): boolean {
    return this.#consumers.has(`${broker}/${queue}`);
  }

  /** Whose schedule it is by the options of a consumer. */
  declares(name: string): Policy | undefined {
    return this.#declared.get(name)?.policy;
  }

  standing(name: string): Standing {
    return this.#standings.get(name) ?? UNTOUCHED;
  }

  /** All that were not removed, by name. */
  entries(): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const name of new Set([...this.#declared.keys(), ...this.#added.keys()])) {
      const standing = this.standing(name);
      const scheduled = standing.added ? this.#added.get(name) : this.#declared.get(name);
      if (scheduled && standing.state !== 'removed') entries.set(name, { ...scheduled, standing });
    }
    return entries;
  }

  /** Calls `changed` whenever something was written, here or by another process. */
  follow(changed: () => void): void {
    this.#changed = changed;
  }

  /** Does `work`, which writes, with what all processes have written before, and nothing else meanwhile. */
  change(work: () => Promise<void>): Promise<void> {
    return this.shared.change(work);
  }

  /** Keeps how a schedule stands; `undefined` forgets what was said of it. */
  async write(name: string, standing: Standing | undefined): Promise<void> {
    await this.shared.set(PREFIX + name, standing && writeStanding(standing));
  }

  #note(name: string, text: string | undefined): void {
    const standing = text === undefined ? undefined : readStanding(text);
    this.#added.delete(name);
    if (standing) this.#standings.set(name, standing);
    else this.#standings.delete(name);
    const scheduled = standing?.added && this.#readAdded(name, standing.added);
    if (scheduled) this.#added.set(name, scheduled);
    this.#changed();
  }

  /** Undefined where the app has not got the consumer: the schedule is left to those that have. */
  #readAdded(name: string, added: AddedSchedule): Scheduled | undefined {
    const policy = this.#consumers.get(`${added.broker}/${added.queue}`);
    if (!policy) return undefined;
    try {
      const options = readOptions(this.codec, added.options);
      const schedule = readSchedule(options, `${policy.handler}: schedule '${name}'`, name);
      return { policy, schedule, task: this.#task(policy, schedule), sender: this.#sender(policy) };
    } catch (error) {
      this.events.emit('storeError', { store: `settings of schedule ${name}`, error });
      return undefined;
    }
  }

  #task(policy: Policy, { name, args, publish }: SchedulePolicy): ScheduledTask {
    const { priority, key, headers, overrides } = readPublishOptions(policy.queue, publish, policy.priority);
    return { schedule: name, queue: policy.queue, args, priority, key, headers, overrides };
  }

  #sender({ broker, handler }: Policy): TickSender {
    const { outbox } = this.brokers.get(broker, handler);
    const { codec, clock, store } = this;
    const { publishTimeout } = this.settings;
    const sender = this.#senders.get(broker) ?? new TickSender({ outbox, codec, clock, store, publishTimeout });
    this.#senders.set(broker, sender);
    return sender;
  }
}
