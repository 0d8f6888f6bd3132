/** What a client library may be used for, and how. */
export interface ClientRule {
  readonly packages: readonly string[];
  /** A lazy client is loaded by a call when it is first needed, never by a static import of values. */
  readonly lazy: boolean;
}

/** One line for each backend. A new file in `brokers/` or `stores/` is refused until it has its line here. */
export const CLIENTS: Readonly<Record<string, ClientRule>> = {
  memory: { packages: [], lazy: false },
  sqlite: { packages: ['libsql', 'node:sqlite'], lazy: true },
  redis: { packages: ['ioredis'], lazy: false },
  rabbitmq: { packages: ['amqplib'], lazy: false },
  postgres: { packages: ['pg'], lazy: false },
  mongo: { packages: ['mongoose'], lazy: false },
  kafka: { packages: ['@platformatic/kafka'], lazy: false },
};

/** The files of `core` that `index.ts` may hand on, besides everything in `contracts` and `nest`. */
export const PUBLIC_CORE: readonly string[] = [
  'core/errors.ts',
  'core/consuming/current-task.ts',
  'core/events.ts',
  'core/codec/json.codec.ts',
];

export interface LayerRule {
  /** Folders or files of `lib/` that may be imported; a folder ends with `/`. */
  readonly inside: readonly string[];
  /** Packages that may be imported from outside; `node:*` stands for Node's own modules. */
  readonly outside: readonly string[];
  /** Packages that may be imported for their types only. */
  readonly types: readonly string[];
}

const NODE = 'node:*';
const NEST = ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'];
const SCHEMA = ['@standard-schema/spec'];

/** Who may import whom. A layer inside another one is imported by that one's `index.ts` alone. `brokers` and `stores` get their own folders and the client of their line in `CLIENTS` besides. */
export const LAYERS: Readonly<Record<string, LayerRule>> = {
  contracts: { inside: ['contracts/'], outside: [], types: SCHEMA },
  core: { inside: ['contracts/', 'core/'], outside: [NODE], types: SCHEMA },
  brokers: { inside: ['contracts/', 'brokers/support/'], outside: [NODE], types: [] },
  stores: { inside: ['contracts/', 'brokers/support/', 'stores/support/'], outside: [NODE], types: [] },
  nest: { inside: ['contracts/', 'core/', 'nest/'], outside: [NODE, ...NEST], types: SCHEMA },
  microservice: {
    inside: ['contracts/', 'core/', 'nest/', 'microservice/'],
    outside: [NODE, ...NEST, '@nestjs/microservices'],
    types: [],
  },
  dashboard: { inside: ['contracts/', 'core/', 'nest/', 'dashboard/'], outside: [NODE, ...NEST], types: [] },
  testing: { inside: ['contracts/', 'core/', 'testing/'], outside: [NODE], types: [] },
  'testing/nest': {
    inside: [
      'contracts/',
      'core/',
      'nest/',
      'brokers/memory.ts',
      'stores/memory.ts',
      'testing/manual-clock.ts',
      'testing/nest/',
    ],
    outside: [NODE, ...NEST],
    types: [],
  },
};

/** Single files that may import one more package. */
export const EXTRA: Readonly<Record<string, readonly string[]>> = {
  'core/schedules/cron.ts': ['croner'],
  'nest/schedules/schedule.mirror.ts': ['@nestjs/schedule'],
};

/** The only file that asks the machine for the time or for a timer. */
export const CLOCK_FILE = 'core/system-clock.ts';

export const MAX_LINES = 200;
