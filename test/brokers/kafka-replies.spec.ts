import { randomUUID } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Admin } from '@platformatic/kafka';
import { expect, it, onTestFinished } from 'vitest';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { kafka } from 'nestjs-funq/kafka';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

withService('kafka', (brokers) => {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] });
  /** Other tests have topics, too. */
  const prefix = `t${randomUUID().slice(0, 8)}-`;
  const replyTopics = async (): Promise<string[]> =>
    (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}funq.replies.`));

  it('the topic of replies has one partition, keeps little, and goes with the app', { timeout: 60_000 }, async () => {
    @Injectable()
    class Sums {
      @Consumer({ queue: 'sums' })
      async add(a: number, b: number): Promise<number> {
        return a + b;
      }
    }
    @Module({
      imports: [FunqModule.forRoot({ brokers: { default: kafka({ brokers, prefix, session: 3000 }) } })],
      providers: [Sums],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    onTestFinished(() => app.close());
    expect(await app.get(FunqPublisher).ask('sums', [2, 3], { timeout: 30_000 })).toBe(5);
    const [topic, ...others] = await replyTopics();
    expect(others).toEqual([]);
    const { topics } = await admin.metadata({ topics: [topic!] });
    expect(topics.get(topic!)?.partitionsCount).toBe(1);
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: topic!, configurationKeys: ['retention.ms'] }],
      includeSynonyms: false,
      includeDocumentation: false,
    });
    expect(described?.configs.find(({ name }) => name === 'retention.ms')?.value).toBe('3600000');
    await app.close();
    expect(await replyTopics()).toEqual([]);
    expect([...(await admin.listGroups()).keys()].filter((group) => group.includes(topic!))).toEqual([]);
  });

  it('a reply to somebody who has gone is dropped and brings no topic back', { timeout: 60_000 }, async () => {
    const clock = new SystemClock();
    const queue = `funq.replies.${randomUUID()}`;
    const [asking, answering] = [kafka({ brokers, prefix, session: 3000 }), kafka({ brokers, prefix })];
    for (const broker of [asking, answering]) {
      await broker.connect({ clock });
      onTestFinished(() => broker.close());
    }
    const reply = (text: string) => [{ id: randomUUID(), body: Buffer.from(text), ttl: 60_000 }];
    // It may come before the queue is there.
    const early = answering.publish(queue, reply('early'));
    const subscription = await asking.subscribe(queue, { prefetch: 10, lease: 3000 });
    expect(await early).toEqual([]);
    const [delivery] = await subscription.receive(1, AbortSignal.timeout(20_000));
    expect(Buffer.from(delivery!.body).toString()).toBe('early');
    await asking.close();
    for (const text of ['known to it', 'looked for']) expect(await answering.publish(queue, reply(text))).toEqual([]);
    expect(await replyTopics()).toEqual([]);
  });
});
