import type { Broker } from 'nestjs-funq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';

/** One line decides what carries the messages: a file, or a server. */
export function openBroker(): Broker {
  const { REDIS_URL: url, SHOP_FILE: file = 'data/shop.db' } = process.env;
  return url ? redis({ url }) : sqlite({ file });
}
