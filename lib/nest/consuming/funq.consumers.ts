import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type Type } from '@nestjs/common';
import type { LiveOptions, Policy } from '../../contracts/policy.js';
import { FunqConfigError } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { OptionReader } from '../../core/options/options.js';
import { SharedSettings } from '../../core/shared-settings.js';
import { ConsumerCatalog } from './consumer.catalog.js';

/** A consumer that can be changed while it runs. @publicApi */
export interface LiveConsumer {
  /** What holds now. */
  readonly policy: Policy;
  readonly paused: boolean;
  /** What was changed over the options in the code. */
  readonly changes: Readonly<LiveOptions>;

  /**
   * Changes rate, concurrency, window or pause: here at once, and within a second in every process that shares
   * `stores.coordination`; without such a store in this process only. What is not named stays. With a store it also holds
   * for processes that start later, until {@link reset}. Rejects with `FUNQ_OPTION_INVALID`, or when the store is away.
   */
  change(options: LiveOptions): Promise<void>;
  /** Back to the options in the code. */
  reset(): Promise<void>;
  /** Fetches nothing more; running tasks end as usual. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

interface Live {
  readonly policy: Policy;
  readonly paused: boolean;
  readonly changes: LiveOptions;
}

const PREFIX = 'consumer/';

/**
 * The consumers of this app while they run.
 *
 * @example
 * `await consumers.of(Weather, 'forecast').change({ rate: 10 })`
 * `await consumers.of('weather').pause()`
 *
 * @publicApi
 */
@Injectable()
export class FunqConsumers implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #live = new Map<Policy, Live>();
  readonly #followers = new Map<Policy, (live: Live) => void>();

  constructor(
    private readonly catalog: ConsumerCatalog,
    private readonly settings: SharedSettings,
    private readonly events: Events,
  ) {
    settings.on(PREFIX, (key, value) => this.#apply(key, value));
  }

  /** Every consumer of the app, also those that only other processes run. */
  all(): readonly LiveConsumer[] {
    return this.catalog.all().map((policy) => this.#handle(policy));
  }

  /** Throws `FUNQ_CONSUMER_UNKNOWN` for a method or a queue that no consumer of this app has. */
  of<T extends object>(type: Type<T>, method: keyof T & string): LiveConsumer;
  of(queue: string, broker?: string): LiveConsumer;
  of(target: Type | string, second?: string): LiveConsumer {
    if (typeof target !== 'string') return this.#handle(this.catalog.policyOf(target, second ?? ''));
    const policy = this.catalog.ofQueue(target, second);
    if (policy) return this.#handle(policy);
    const known = this.catalog.all().map(({ queue }) => `'${queue}'`);
    throw new FunqConfigError(
      'FUNQ_CONSUMER_UNKNOWN',
      `no consumer of this app has queue '${target}'; it has ${known.join(', ') || 'no consumers'}`,
    );
  }

  /** @internal Calls `changed` with what holds now, and whenever that changes. */
  follow(policy: Policy, changed: (live: Live) => void): void {
    this.#followers.set(policy, changed);
    const live = this.#live.get(policy);
    if (live) changed(live);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.settings.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.settings.stop();
  }

  #handle(policy: Policy): LiveConsumer {
    const now = (): Live => this.#live.get(policy) ?? { policy, paused: false, changes: {} };
    const set = (value: string | undefined): Promise<void> => this.settings.set(keyOf(policy), value);
    const change = async (options: LiveOptions): Promise<void> => {
      const given = new OptionReader(options, `${policy.handler}: change`).given();
      await this.settings.change(() => {
        const changes: LiveOptions = { ...now().changes, ...given };
        this.catalog.withLive(policy, changes);
        return set(JSON.stringify(changes));
      });
    };
    return {
      get policy() {
        return now().policy;
      },
      get paused() {
        return now().paused;
      },
      get changes() {
        return now().changes;
      },
      change,
      reset: () => this.settings.change(() => set(undefined)),
      pause: () => change({ paused: true }),
      resume: () => change({ paused: false }),
    };
  }

  /** What another process wrote is checked as any input is: what can't work leaves everything as it was. */
  #apply(key: string, value: string | undefined): void {
    const policy = this.catalog.all().find((each) => keyOf(each) === key);
    if (!policy) return;
    try {
      const changes = value === undefined ? {} : (JSON.parse(value) as LiveOptions);
      const live = { policy: this.catalog.withLive(policy, changes), paused: changes.paused ?? false, changes };
      this.#live.set(policy, live);
      this.#followers.get(policy)?.(live);
    } catch (error) {
      this.events.emit('storeError', { store: `settings of ${policy.queue}`, error });
    }
  }
}

function keyOf({ broker, queue }: Policy): string {
  return `${PREFIX}${broker}/${queue}`;
}
