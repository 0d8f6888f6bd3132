import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import pg from 'pg';
import { afterAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { Consumer, type FunqPublisher } from 'nestjs-funq';
import { postgres } from 'nestjs-funq/postgres';
import { boot } from '../nest/support/app.js';
import { withService } from '../services/service.js';

@Injectable()
class Orders {
  readonly shipped: string[] = [];
  #arrived: () => void = () => undefined;

  @Consumer({ queue: 'ship' })
  ship(order: string): void {
    this.shipped.push(order);
    this.#arrived();
  }

  async until(count: number): Promise<void> {
    while (this.shipped.length < count) await new Promise<void>((resolve) => (this.#arrived = resolve));
  }
}

withService('postgres', (url) => {
  const schema = `funq_within_${randomUUID().slice(0, 8)}`;
  let client: pg.Client;
  let funq: FunqPublisher;
  let orders: Orders;

  beforeEach(async () => {
    client = new pg.Client(url);
    await client.connect();
    // Polling is as good as off: who is not woken comes too late.
    const broker = postgres({ url, schema, pollInterval: 60_000 });
    const booted = await boot({ providers: [Orders] }, { brokers: { default: broker } });
    funq = booted.funq;
    orders = booted.app.get(Orders);
    onTestFinished(() => client.end());
  });

  it('a task is there when the transaction commits, and its consumer is woken', async () => {
    await client.query('BEGIN');
    await client.query('CREATE TEMPORARY TABLE own (id int)');
    await funq.to(Orders, { transaction: client }).ship('first');
    await Promise.all(['second', 'third'].map((order) => funq.publish('ship', [order], { transaction: client })));
    await funq.publishMany('ship', [['fourth'], ['fifth']], { transaction: client });
    // Another connection sees nothing of it yet.
    await funq.to(Orders).ship('outside');
    await orders.until(1);
    expect(orders.shipped).toEqual(['outside']);
    await client.query('COMMIT');
    await orders.until(6);
    expect(orders.shipped).toEqual(['outside', 'first', 'second', 'third', 'fourth', 'fifth']);
  });

  it('nothing is published when the transaction rolls back', async () => {
    await client.query('BEGIN');
    await funq.to(Orders, { transaction: client }).ship('never');
    await client.query('ROLLBACK');
    await funq.to(Orders).ship('after');
    await orders.until(1);
    expect(orders.shipped).toEqual(['after']);
  });

  it('a query runner that answers with rows alone will do as well', async () => {
    const manager = { query: async (text: string, values: unknown[]) => (await client.query(text, values)).rows };
    await client.query('BEGIN');
    await funq.to(Orders, { transaction: manager }).ship('by another way');
    await client.query('COMMIT');
    await orders.until(1);
    expect(orders.shipped).toEqual(['by another way']);
  });

  it.each([
    ['is none', () => ({}), 'FUNQ_POSTGRES_TRANSACTION'],
    ['has failed already', () => client, 'FUNQ_POSTGRES_FAILED'],
  ])('a transaction that %s is refused', async (_, transaction, code) => {
    await client.query('BEGIN');
    await client.query('nonsense').catch(() => undefined);
    const publishing = funq.to(Orders, { transaction: transaction() }).ship('never');
    await expect(publishing).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED', cause: { code } });
  });

  it('a transaction on another database is refused', async () => {
    const other = new URL(url);
    other.pathname = '/template1';
    const elsewhere = new pg.Client(other.href);
    await elsewhere.connect();
    onTestFinished(() => elsewhere.end());
    await elsewhere.query('BEGIN');
    const publishing = funq.to(Orders, { transaction: elsewhere }).ship('never');
    await expect(publishing).rejects.toMatchObject({ cause: { code: 'FUNQ_POSTGRES_TABLES' } });
  });

  afterAll(async () => {
    const cleaner = new pg.Client(url);
    await cleaner.connect();
    await cleaner.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await cleaner.end();
  });
});
