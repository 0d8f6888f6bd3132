import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, describe, it } from 'vitest';
import { postgres } from 'nestjs-funq/postgres';
import { brokerConformance, conforms } from 'nestjs-funq/testing';
import { withService } from '../services/service.js';

const runner = { describe, it };

withService('postgres', (url) => {
  // Quotes and a capital: every name must be written as one.
  const schema = `funq "Té'st" ${randomUUID().slice(0, 8)}`;
  const argument = { url, schema };
  const workers = { module: new URL('../../dist/brokers/postgres.js', import.meta.url), export: 'postgres', argument };
  conforms('postgres', brokerConformance({ create: () => postgres(argument), pulse: true, workers }), runner);

  afterAll(async () => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS "${schema.replaceAll('"', '""')}" CASCADE`);
    await client.end();
  });
});
