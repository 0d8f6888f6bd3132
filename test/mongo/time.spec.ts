import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { ServerTime } from '../../lib/brokers/mongo/time.js';
import { MongoRate, type RateDocument } from '../../lib/stores/mongo/rate.js';
import { withService } from '../services/service.js';

const HOUR = 3_600_000;

describe("the server's time", () => {
  /** A server whose clock goes with the process's, until either is set. */
  function served() {
    const clock = new ManualClock();
    const server = { ahead: 5000, readings: 0 };
    const answer = async () => (server.readings++, { at: new Date(clock.monotonic() + server.ahead) });
    return { clock, server, time: new ServerTime({ findOneAndUpdate: answer } as never, clock) };
  }

  it('is read anew after the machine slept, for time did not go on meanwhile', async () => {
    const { clock, server, time } = served();
    await time.refresh();
    server.ahead += HOUR;
    clock.set(clock.now() + HOUR);
    await time.refresh();
    expect(time.least).toBeLessThanOrEqual(clock.monotonic() + server.ahead);
    expect(time.most).toBeGreaterThanOrEqual(clock.monotonic() + server.ahead);
  });

  it('is not read anew while clocks go on alike, but once a minute', async () => {
    const { clock, server, time } = served();
    await time.refresh();
    const { readings } = server;
    for (let n = 0; n < 59; n++) {
      await clock.advance(1000);
      clock.set(clock.now() + 1);
      await time.refresh();
    }
    expect(server.readings).toBe(readings);
    await clock.advance(1000);
    await time.refresh();
    expect(server.readings).toBe(2 * readings);
  });
});

withService('mongo', (url) => {
  it('that is set back does not hold up starts for as long: what is reserved keeps its length', async () => {
    const connection = await mongoose.createConnection(url).asPromise();
    onTestFinished(() => connection.close());
    const rates = connection
      .getClient()
      .db()
      .collection<RateDocument>(`r${randomUUID().slice(0, 8)}`);
    const time = { most: Date.UTC(2030, 0, 1) };
    // Two processes, who learn of it one after the other.
    const [one, two] = [time, { ...time }].map((each) => new MongoRate(rates as never, each as ServerTime));
    expect(await one!.reserve('k', 1000, 1, 3)).toBe(0);
    time.most -= HOUR;
    expect(await one!.reserve('k', 1000, 1, 0)).toBe(3000);
    expect(await one!.reserve('k', 1000, 1, 1)).toBe(3000);
    expect(await one!.reserve('k', 1000, 1, 1)).toBe(4000);
    time.most += 2000;
    expect(await one!.reserve('k', 1000, 1, 1)).toBe(3000);
    expect(await two!.reserve('k', 1000, 1, 1)).toBe(0);
    expect(await one!.reserve('k', 1000, 1, 1)).toBeLessThanOrEqual(1000);
  });
});
