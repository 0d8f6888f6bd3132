import { describe, expect, it } from 'vitest';
import { kafka } from 'nestjs-funq/kafka';
import { mongo } from 'nestjs-funq/mongo';
import { postgres } from 'nestjs-funq/postgres';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';
import { sqliteCoordination, sqliteResults } from 'nestjs-funq/stores/sqlite';

const url = 'mongodb://127.0.0.1/x';
/** As JavaScript may hand it over. */
const wrong = {} as never;

describe('options that can not work are told when the broker is made', () => {
  it.each<[string, () => unknown, string, RegExp]>([
    ['a pool that is none', () => postgres({ pool: wrong }), 'FUNQ_POSTGRES_POOL', /Pool of pg/],
    [
      'a connection that is none',
      () => mongo({ connection: wrong }),
      'FUNQ_MONGO_OPTIONS',
      /mongoose.createConnection/,
    ],
    ['a connection that is none', () => rabbitmq({ connection: wrong }), 'FUNQ_RABBITMQ_OPTIONS', /amqplib.connect/],
    ['a client that is none', () => redis({ client: wrong }), 'FUNQ_REDIS_CLIENT', /of ioredis/],
    ['a port for an address', () => kafka({ brokers: 9092 as never }), 'FUNQ_KAFKA_OPTION', /'host:port'/],
    ['no look at all', () => mongo({ url, pollInterval: 0 }), 'FUNQ_MONGO_OPTIONS', /pollInterval }\) is 0/],
    ['looks at no time', () => postgres({ pollInterval: NaN }), 'FUNQ_POSTGRES_OPTIONS', /pollInterval }\) is NaN/],
    [
      'a wait without end',
      () => sqlite({ file: 'x', busyTimeout: NaN }),
      'FUNQ_SQLITE_OPTIONS',
      /busyTimeout }\) is NaN.*0 to 3600000/,
    ],
    [
      'a time that is text',
      () => sqliteCoordination({ file: 'x', busyTimeout: '5000' as never }),
      'FUNQ_SQLITE_OPTIONS',
      /busyTimeout }\) is '5000'/,
    ],
    [
      'a durability that is none',
      () => sqliteResults({ file: 'x', durability: 'FULL' as never }),
      'FUNQ_SQLITE_OPTIONS',
      /durability }\) is 'FULL'.*'normal' or 'full'/,
    ],
    [
      'a database that is none',
      () => sqlite({ file: 'x', database: wrong }),
      'FUNQ_SQLITE_OPTIONS',
      /database }\).*node:sqlite/,
    ],
    ['looks in the past', () => sqlite({ file: 'x', pollInterval: -1 }), 'FUNQ_SQLITE_OPTIONS', /1 to 3600000/],
  ])('%s: %s', (_, make, code, told) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(told) as string }) as Error);
  });
});
