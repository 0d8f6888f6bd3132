import { inspect } from 'node:util';
import type { Broker } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { mongo } from 'nestjs-funq/mongo';
import { postgres } from 'nestjs-funq/postgres';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { describe, expect, it } from 'vitest';
import { maskedAddress } from '../../lib/brokers/support/driver-error.js';
import { SystemClock } from '../../lib/core/system-clock.js';

const clock = new SystemClock();
const SECRET = 'open-sesame';
const BROKERS: readonly (readonly [string, (url: string) => Broker])[] = [
  ['redis', (url) => redis({ url })],
  ['amqp', (url) => rabbitmq({ url })],
  ['postgres', (url) => postgres({ url })],
  ['mongodb', (url) => mongo({ url: `${url}/db?serverSelectionTimeoutMS=200` })],
  ['kafka', (brokers) => kafka({ brokers })],
];

/** All that a console or a log would show of what goes wrong with this address. */
async function shown(create: (url: string) => Broker, url: string): Promise<string> {
  try {
    const broker = create(url);
    await broker.connect({ clock }).finally(() => broker.close());
  } catch (error) {
    return inspect(error, { depth: 10 });
  }
  return expect.fail('it connected');
}

describe.each(BROKERS)('%s: no error shows the password', (scheme, create) => {
  it.each([
    ['with a slash', `${scheme}://me:ab/${SECRET}@127.0.0.1:1`],
    ['with a blank', `${scheme}://me:a ${SECRET}@127.0.0.1:1`],
    ['with other signs', `${scheme}://me:@#?%${SECRET}@127.0.0.1:1`],
    ['without a user', `${scheme}://:a/${SECRET}@127.0.0.1:1`],
    ['of an address without a scheme', `me:${SECRET}@127.0.0.1:1`],
    ['of an address with another scheme', `http://me:a/${SECRET}@127.0.0.1:1`],
    ['among the parameters', `http://127.0.0.1:1/db?user=me&password=${SECRET}`],
  ])('%s', { timeout: 10_000 }, async (_, url) => {
    const text = await shown(create, url);
    expect(text).not.toContain(SECRET);
    expect(text).toContain('FUNQ_');
  });
});

describe.each(BROKERS.filter(([scheme]) => scheme !== 'kafka'))('%s: what is no text', (_, create) => {
  it.each([[5], [{ password: SECRET }], [null]])('as an address is refused: %j', { timeout: 10_000 }, async (url) => {
    const text = await shown(create, url as unknown as string);
    expect(text).toMatch(/FUNQ_\w+_(URL|OPTIONS|AWAY)/);
    expect(text).not.toContain(SECRET);
  });
});

it.each([
  ['redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0'],
  ['postgres://funq@127.0.0.1:5432/shop', 'postgres://funq@127.0.0.1:5432/shop'],
  ['postgres://me:a@b@host/shop', 'postgres://me:***@host/shop'],
  ['mongodb://a:b@one:1,two:2/db?w=1', 'mongodb://a:***@one:1,two:2/db?w=1'],
  ['host:9092', 'host:9092'],
  ['//me:secret@host', '//me:***@host'],
  ['postgres://host/db?sslpassword=a&x=1', 'postgres://host/db?sslpassword=***&x=1'],
])('%s is shown as %s', (address, text) => {
  expect(maskedAddress(address)).toBe(text);
});
