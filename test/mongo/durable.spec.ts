import { randomUUID } from 'node:crypto';
import mongoose, { type mongo as driver } from 'mongoose';
import { expect, it, onTestFinished } from 'vitest';
import { mongo } from 'nestjs-funq/mongo';
import { SystemClock } from '../../lib/core/system-clock.js';
import { withService } from '../services/service.js';

withService('mongo', (url) => {
  it('a publish waits until a majority has it in the journal, whatever the connection asks for', async () => {
    const connection = await mongoose
      .createConnection(url, { monitorCommands: true, writeConcern: { w: 1 } })
      .asPromise();
    const collection = `d${randomUUID().slice(0, 8)}`;
    const broker = mongo({ connection, collection });
    onTestFinished(async () => {
      await broker.close();
      await connection.close();
    });
    await broker.connect({ clock: new SystemClock() });
    const asked: unknown[] = [];
    connection.getClient().on('commandStarted', ({ commandName, command }: driver.CommandStartedEvent) => {
      if (commandName === 'insert' && command['insert'] === `${collection}_tasks`) asked.push(command['writeConcern']);
    });
    await broker.publish('q', [{ id: '1', body: Buffer.from('a') }]);
    expect(asked).toEqual([{ w: 'majority', j: true }]);
  });
});
