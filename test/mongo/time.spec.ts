import { describe, expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { ServerTime } from '../../lib/brokers/support/mongo-time.js';

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
