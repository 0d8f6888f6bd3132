import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Provider, Type } from '@nestjs/common';
import type { Broker } from '../contracts/broker.js';
import type { Clock } from '../contracts/clock.js';
import type { Codec } from '../contracts/codec.js';
import type { ConsumerOptions, Duration } from '../contracts/policy.js';
import type { CoordinationStore, ResultStore } from '../contracts/stores.js';
import { FunqConfigError } from '../core/errors.js';
import { OptionReader } from '../core/options/options.js';
import { createPolicy } from '../core/options/policy.js';
import type { Control } from './interceptors/control.js';

/** @publicApi */
export interface FunqOptions {
  /** Brokers by name. A consumer that names none takes `default`. At least one. */
  brokers: Readonly<Record<string, Broker>>;
  /** Side stores, needed by some controls: `filter` and shared rates need `coordination`, `persist` needs `results`. */
  stores?: { readonly results?: ResultStore; readonly coordination?: CoordinationStore };
  /** Options for every consumer that does not say otherwise. */
  defaults?: Omit<ConsumerOptions, 'queue' | 'schema' | 'schedule'>;
  /** What this process consumes: nothing with `false`, or only the listed queues and groups. Default: everything. */
  consume?: boolean | { readonly queues?: readonly string[]; readonly groups?: readonly string[] };
  /** Largest message in bytes, checked before publishing and before reading. 1 kB to 256 MiB, default 1 MiB. */
  maxPayload?: number;
  /** How long the broker may take to confirm a publish. One that stands behind a call that hangs takes twice that at most. Default: `'5s'`. */
  publishTimeout?: Duration;
  /** The longest that `ask()` waits. Default: `'30s'`. */
  replyTimeout?: Duration;
  /** How long running tasks may go on at shutdown before their signals abort. Default: `'20s'`. */
  shutdownGrace?: Duration;
  /**
   * How long one task may block the event loop of this process, by a busy loop or synchronous work, before the process counts
   * as dead and others get its tasks, once their lease has passed too. Until then a thread of its own keeps the leases, on
   * brokers whose leases run down. Not the time that a task may take: one that awaits blocks nothing. 1s to 1h, default
   * `'1m'`; `false` starts no thread, so a loop that is blocked longer than a `lease` loses its tasks.
   */
  maxBlock?: Duration | false;
  /** How often the log tells how each busy consumer fares, 1s to 1d; `false`: never. Default: `'1m'`. */
  report?: Duration | false;
  /** How tasks become bytes. Default: JSON with tags for Date, BigInt, Buffer, Map and Set. */
  codec?: Codec;
  /** Default: the machine's. */
  clock?: Clock;
}

/** A control, or a provider that puts another class in its place. */
export type ControlEntry = Type<Control> | { provide: Type<Control>; useClass: Type<Control> };

/** What can't come from a factory, because modules are put together before factories run. */
export interface FunqStatics {
  /** The controls, outermost first, instead of `DEFAULT_CONTROLS`. */
  controls?: readonly ControlEntry[];
  /** Providers that your own controls inject. */
  extraProviders?: Provider[];
}

/** What a test kit puts in the place of an app's own parts, without the app's doing. */
export interface FunqStage {
  options(given: FunqOptions): FunqOptions;
  controls(chosen: readonly Control[]): readonly Control[];
}

/** @publicApi */
export interface FunqOptionsFactory {
  createFunqOptions(): FunqOptions | Promise<FunqOptions>;
}

/** @publicApi */
export interface FunqAsyncOptions extends FunqStatics, Pick<ModuleMetadata, 'imports'> {
  /** Names of the brokers that shall be injectable by `@InjectBroker()`. Default: `['default']`. */
  brokers?: readonly string[];
  useFactory?: (...args: never[]) => FunqOptions | Promise<FunqOptions>;
  inject?: (InjectionToken | OptionalFactoryDependency)[];
  useClass?: Type<FunqOptionsFactory>;
  useExisting?: Type<FunqOptionsFactory>;
}

/** The module's options, checked and with defaults. */
export interface FunqSettings {
  readonly maxPayload: number;
  readonly publishTimeout: number;
  readonly replyTimeout: number;
  readonly shutdownGrace: number;
  /** What `consume` names. */
  readonly consumed: { readonly queues: readonly string[]; readonly groups: readonly string[] };
  /** Undefined where no thread shall keep leases. */
  readonly maxBlock: number | undefined;
  /** Milliseconds between two reports of a busy consumer; `undefined`: none. */
  readonly report: number | undefined;
  readonly consumes: (queue: string, group: string | undefined) => boolean;
}

const MAX_BLOCK = 60_000;
const STATICS = ['controls', 'extraProviders'];
const STORES = ['results', 'coordination'];
const KNOWN = [
  'brokers', 'stores', 'defaults', 'consume', 'maxPayload', 'publishTimeout', 'replyTimeout', 'shutdownGrace', 'maxBlock', 'report',
  'codec', 'clock',
]; // prettier-ignore

/** Throws `FUNQ_OPTION_INVALID` for whatever can't work, before anything is opened. */
export function readSettings(options: FunqOptions, where = 'FunqModule'): FunqSettings {
  if (typeof options !== 'object' || options === null) {
    throw new FunqConfigError(
      'FUNQ_OPTION_INVALID',
      'FunqModule: give options, at least { brokers: { default: memory() } }',
    );
  }
  const reader = new OptionReader(options, where);
  for (const key of STATICS) {
    if (reader.get(key) !== undefined) throw reader.invalid(key, `comes too late: write forRootAsync({ ${key} })`);
  }
  checkParts(reader.only([...KNOWN, ...STATICS]), where);
  return {
    maxPayload: reader.integer('maxPayload', 1024, 256 * 2 ** 20, 2 ** 20),
    publishTimeout: reader.duration('publishTimeout', 10, 3_600_000, '5s'),
    replyTimeout: reader.duration('replyTimeout', 10, 86_400_000, '30s'),
    shutdownGrace: reader.duration('shutdownGrace', 0, 86_400_000, '20s'),
    maxBlock: reader.get('maxBlock') === undefined ? MAX_BLOCK : reader.optionalDuration('maxBlock', 1000, 3_600_000),
    ...readConsume(reader),
    report: reader.get('report') === undefined ? 60_000 : reader.optionalDuration('report', 1000, 86_400_000),
  };
}

function checkParts(options: OptionReader, where: string): void {
  const brokers = Object.entries((options.get('brokers') ?? {}) as Record<string, Partial<Broker> | undefined>);
  if (brokers.length === 0) throw options.invalid('brokers', 'must name at least one broker: { default: memory() }');
  for (const [name, broker] of brokers) {
    if (typeof broker?.publish !== 'function')
      throw options.invalid('brokers', `'${name}' is not a broker; call its factory: memory(), sqlite({ file })`);
  }
  const stores = options.get('stores') === undefined ? undefined : options.nested('stores').only(STORES);
  for (const name of STORES) {
    const store = stores?.get(name) as { connect?: unknown } | null | undefined;
    if (store !== undefined && typeof store?.connect !== 'function')
      throw stores!.invalid(
        name,
        'must be a store; call its factory: sqliteResults({ file }), sqliteCoordination({ file })',
      );
  }
  const defaults = options.get('defaults') === undefined ? undefined : options.nested('defaults');
  for (const key of ['queue', 'schema', 'schedule']) {
    if (defaults?.get(key) !== undefined) throw defaults.invalid(key, 'belongs to one consumer and not to all');
  }
  createPolicy(`${where}: defaults`, { queue: 'defaults' }, options.get('defaults') as ConsumerOptions | undefined);
}

function readConsume(options: OptionReader): Pick<FunqSettings, 'consumed' | 'consumes'> {
  const value = options.get('consume');
  const nothing = { queues: [], groups: [] };
  if (value === undefined) return { consumed: nothing, consumes: () => true };
  if (typeof value === 'boolean') return { consumed: nothing, consumes: () => value };
  options.nested('consume', 'true, false, or { queues: [names], groups: [names] }').only(['queues', 'groups']);
  const { queues = [], groups = [] } = value as { queues?: unknown; groups?: unknown };
  for (const list of [queues, groups]) {
    if (!(Array.isArray(list) && list.every((name) => typeof name === 'string'))) {
      throw options.invalid('consume', 'must be true, false, or { queues: [names], groups: [names] }');
    }
  }
  const consumed = { queues: queues as string[], groups: groups as string[] };
  return {
    consumed,
    consumes: (queue, group) => consumed.queues.includes(queue) || (!!group && consumed.groups.includes(group)),
  };
}
