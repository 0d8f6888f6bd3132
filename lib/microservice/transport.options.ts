import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  ProducerDeserializer,
  ProducerSerializer,
} from '@nestjs/microservices';
import type { Broker } from '../contracts/broker.js';
import type { Duration } from '../contracts/policy.js';
import type { EngineEvents } from '../core/events.js';
import { OptionReader } from '../core/options/options.js';
import { readSettings, type FunqOptions, type FunqSettings } from '../nest/funq.options.js';

/** What a server and a client have in common. */
export interface TransportOptions extends Pick<FunqOptions, 'maxPayload' | 'publishTimeout' | 'codec' | 'clock'> {
  /** Opened, and closed, by the one that it is given to. */
  broker: Broker;
  /** Stands before the name of each pattern's queue; the same for server and client. Default: none. */
  prefix?: string;
  /**
   * How many values of one stream may wait: in the server for the broker to take them, in the client for one that is late.
   * A stream with more fails with `FUNQ_STREAM_OVERFLOW`; async iterables wait instead. 1 to 1,000,000, default 1000.
   */
  maxBuffer?: number;
}

/** @publicApi */
export interface FunqServerOptions
  extends TransportOptions, Pick<FunqOptions, 'stores' | 'defaults' | 'shutdownGrace' | 'maxBlock'> {
  /** Writes replies. The client needs a deserializer that reads them. Default: as they are. */
  serializer?: ConsumerSerializer;
  /** Reads the data of messages. Default: as they are. */
  deserializer?: ConsumerDeserializer;
  /**
   * Whether `currentTask()` finds the task of a handler, and log lines name it. Default: true. Before Node 24 that costs something for
   * each promise of the process: with `false` light handlers are up to a third faster there, and `@Ctx()` gives the task all the same.
   */
  currentTask?: boolean;
}

/** @publicApi */
export interface FunqClientOptions extends TransportOptions {
  /** How long `send()` waits for the first answer, and then for each further value. Default: `'30s'`. */
  timeout?: Duration;
  /** Writes packets. The server needs a deserializer that reads them. Default: the data as it is. */
  serializer?: ProducerSerializer;
  /** Reads replies. Default: as they are. */
  deserializer?: ProducerDeserializer;
}

/** What `status` tells. @publicApi */
export type FunqStatus = 'connected' | 'disconnected';

/** What `on()` listens to: everything that the engine tells, and `error` for a broker that failed. @publicApi */
export type TransportEvents = { [K in keyof EngineEvents]: (event: EngineEvents[K]) => void } & {
  error: (error: Error) => void;
};

/** The options of both, checked and with defaults. */
export interface TransportSettings extends FunqSettings {
  readonly prefix: string;
  readonly maxBuffer: number;
}

const COMMON = [
  'broker',
  'prefix',
  'maxBuffer',
  'maxPayload',
  'publishTimeout',
  'codec',
  'clock',
  'serializer',
  'deserializer',
];
const SERVER = [...COMMON, 'stores', 'defaults', 'shutdownGrace', 'maxBlock', 'currentTask'];
const CLIENT = [...COMMON, 'timeout'];
const MODULE = [
  'maxPayload',
  'publishTimeout',
  'codec',
  'clock',
  'stores',
  'defaults',
  'shutdownGrace',
  'maxBlock',
] as const;

/** Throws `FUNQ_OPTION_INVALID` for whatever can't work. */
export function readServerOptions(options: FunqServerOptions): TransportSettings & { readonly currentTask: boolean } {
  const reader = new OptionReader(options, 'FunqServer').only(SERVER);
  return { ...common(reader, moduleOptions(options), 'FunqServer'), currentTask: reader.flag('currentTask', true) };
}

export function readClientOptions(options: FunqClientOptions): TransportSettings & { readonly timeout: number } {
  const reader = new OptionReader(options, 'FunqClient').only(CLIENT);
  const timeout = reader.duration('timeout', 10, 86_400_000, '30s');
  return { ...common(reader, moduleOptions(options), 'FunqClient'), timeout };
}

/** The same as options of a module. */
export function moduleOptions(options: FunqServerOptions | FunqClientOptions): FunqOptions {
  const given = MODULE.filter((key) => key in options).map(
    (key) => [key, (options as FunqServerOptions)[key]] as const,
  );
  return { brokers: { default: options.broker }, ...Object.fromEntries(given) };
}

function common(reader: OptionReader, options: FunqOptions, where: string): TransportSettings {
  return {
    ...readSettings(options, where),
    prefix: reader.get('prefix') === '' ? '' : (reader.text('prefix') ?? ''),
    maxBuffer: reader.integer('maxBuffer', 1, 1_000_000, 1000),
  };
}
