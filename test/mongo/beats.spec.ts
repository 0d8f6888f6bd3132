import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { mongo } from 'nestjs-funq/mongo';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

withService('mongo', (url) => {
  it('becomes one new consumer, however many signs of life find that the old one was given up', async () => {
    const collection = `t${randomUUID().slice(0, 8)}`;
    const broker = mongo({ url, collection });
    await broker.connect({ clock: new SystemClock() });
    const connection = await mongoose.createConnection(url).asPromise();
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    const consumers = connection.db!.collection(`${collection}_consumers`);
    const subscription = await broker.subscribe('q', { prefetch: 10, lease: 30_000 });
    await consumers.deleteMany({});
    await Promise.all([1, 2, 3].map(() => subscription.extend!([])));
    expect(await consumers.countDocuments()).toBe(1);
  });
});
