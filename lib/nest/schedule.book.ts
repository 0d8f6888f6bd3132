import { Inject, Injectable } from '@nestjs/common';
import type { Codec } from '../contracts/codec.js';
import type { Policy } from '../contracts/policy.js';
import type { SchedulePolicy } from '../contracts/schedule.js';
import type { SettingsStore } from '../contracts/stores.js';
import { FunqError } from '../core/errors.js';
import { Events } from '../core/events.js';
import { PunctualStore } from '../core/punctual-store.js';
import { readSchedule } from '../core/schedule.js';
import { TickSender, type ScheduledTask } from '../core/tick-sender.js';
import type { Clock } from '../contracts/clock.js';
import { checkArguments } from './arguments.js';
import { BrokerRegistry } from './broker.registry.js';
import type { FunqSettings } from './funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_COORDINATION, FUNQ_SETTINGS } from './funq.tokens.js';
import { readPublishOptions } from './publish.options.js';
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
  readonly #consumers = new Map<string, Policy>();
  readonly #declared = new Map<string, Scheduled>();
  readonly #senders = new Map<string, TickSender>();
  /** By name: reading one again each second would be a waste. */
  readonly #added = new Map<string, { readonly text: string; readonly scheduled: Scheduled | undefined }>();
  readonly #settings: SettingsStore;

  constructor(
    private readonly brokers: BrokerRegistry,
    private readonly events: Events,
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {
    this.#settings = store ?? new OwnSettings();
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

  /** Of the app's consumers. */
  get policies(): readonly Policy[] {
    return [...this.#consumers.values()];
  }

  /** Whose schedule it is by the options of a consumer. */
  declares(name: string): Policy | undefined {
    return this.#declared.get(name)?.policy;
  }

  async standing(name: string): Promise<Standing> {
    const text = (await this.#settings.settings(PREFIX + name)).get(PREFIX + name);
    return (text !== undefined && readStanding(text)) || UNTOUCHED;
  }

  /** All that were not removed, by name. */
  async entries(): Promise<ReadonlyMap<string, Entry>> {
    const texts = await this.#settings.settings(PREFIX);
    const entries = new Map<string, Entry>();
    for (const name of new Set([
      ...this.#declared.keys(),
      ...[...texts.keys()].map((key) => key.slice(PREFIX.length)),
    ])) {
      const text = texts.get(PREFIX + name);
      const standing = (text !== undefined && readStanding(text)) || UNTOUCHED;
      const scheduled = standing.added ? this.#readAdded(name, standing.added) : this.#declared.get(name);
      if (scheduled && standing.state !== 'removed') entries.set(name, { ...scheduled, standing });
    }
    return entries;
  }

  /** Keeps how a schedule stands; `undefined` forgets what was said of it. */
  async write(name: string, standing: Standing | undefined): Promise<void> {
    await this.#settings.set(PREFIX + name, standing && writeStanding(standing));
  }

  #readAdded(name: string, { broker, queue, options }: AddedSchedule): Scheduled | undefined {
    const print = `${broker}/${queue} ${options}`;
    const known = this.#added.get(name);
    if (known?.text === print) return known.scheduled;
    let scheduled: Scheduled | undefined;
    const policy = this.#consumers.get(`${broker}/${queue}`);
    try {
      // Whoever has not got the consumer leaves the schedule to those that have.
      if (policy) {
        const schedule = readSchedule(readOptions(this.codec, options), `${policy.handler}: schedule '${name}'`, name);
        scheduled = { policy, schedule, task: this.#task(policy, schedule), sender: this.#sender(policy) };
      }
    } catch (error) {
      this.events.emit('storeError', { store: this.store?.kind ?? 'memory', error });
    }
    this.#added.set(name, { text: print, scheduled });
    return scheduled;
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

/** What a process without a coordination store keeps to itself. */
class OwnSettings implements SettingsStore {
  readonly #texts = new Map<string, string>();

  async set(key: string, value: string | undefined): Promise<void> {
    if (value === undefined) this.#texts.delete(key);
    else this.#texts.set(key, value);
  }

  async settings(prefix: string): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#texts].filter(([key]) => key.startsWith(prefix)));
  }
}
