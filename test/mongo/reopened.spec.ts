import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { expect, it, onTestFinished } from 'vitest';
import { mongo } from 'nestjs-funq/mongo';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

withService('mongo', (url) => {
  it('a connection that the app closed and opened again is used again', async () => {
    const connection = await mongoose.createConnection(url).asPromise();
    const broker = mongo({ connection, collection: `o${randomUUID().slice(0, 8)}` });
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    await broker.connect({ clock: new SystemClock() });
    expect(await broker.count!('q')).toBe(0);
    await connection.close();
    await expect(broker.count!('q')).rejects.toThrow();
    await connection.openUri(url);
    const again = (): Promise<number> => broker.count!('q');
    expect(await again().catch(again).catch(again)).toBe(0);
  });
});
