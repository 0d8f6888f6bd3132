import { describe, it } from 'vitest';

/** Servers that suites need, and the variable that names a running one. */
export const SERVICES = {
  redis: 'REDIS_URL',
  rabbitmq: 'AMQP_URL',
  postgres: 'DATABASE_URL',
  mongo: 'MONGODB_URL',
  kafka: 'KAFKA_BROKERS',
} as const;

export type ServiceName = keyof typeof SERVICES;

/** Registers the tests of `body` with the server's address; where there is no server, one skipped test that says so by name. */
export function withService(name: ServiceName, body: (url: string) => void): void {
  const url = process.env[SERVICES[name]];
  describe(name, () => {
    if (url) body(url);
    else it.skip(`${name} is not up: set ${SERVICES[name]}, or run npm run services`);
  });
}
