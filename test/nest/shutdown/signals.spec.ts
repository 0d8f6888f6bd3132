import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { boot, type Options } from '../support/app.js';

@Injectable()
class Job {
  @Consumer()
  run(): void {}
}

const WARNING = 'Nobody listens to SIGTERM: call app.enableShutdownHooks()';

describe('a process whose tasks a signal would cut off', () => {
  let others: NodeJS.SignalsListener[] = [];
  beforeEach(() => {
    others = process.listeners('SIGTERM') as NodeJS.SignalsListener[];
    process.removeAllListeners('SIGTERM');
  });
  afterEach(() => {
    process.removeAllListeners('SIGTERM');
    for (const listener of others) process.on('SIGTERM', listener);
  });

  const warnings = async (
    options: Options,
    prepare: (app: { enableShutdownHooks(signals: string[]): unknown }) => void = () => undefined,
    close = false,
  ): Promise<number> => {
    const clock = new ManualClock();
    const booted = await boot({ providers: [Job] }, { clock, ...options });
    await clock.advance(4000);
    prepare(booted.app);
    if (close) await booted.close();
    await clock.advance(4000);
    return booted.log.find(WARNING).length;
  };

  it('is told so, once', async () => {
    expect(await warnings({})).toBe(1);
  });

  it('is left in peace when the app has shutdown hooks', async () => {
    expect(await warnings({}, (app) => app.enableShutdownHooks(['SIGTERM']))).toBe(0);
  });

  it('is left in peace when somebody else listens', async () => {
    expect(await warnings({}, () => void process.on('SIGTERM', () => void undefined))).toBe(0);
  });

  it('is left in peace when it consumes nothing', async () => {
    expect(await warnings({ consume: false })).toBe(0);
  });

  it('is left in peace when it has closed before', async () => {
    expect(await warnings({}, undefined, true)).toBe(0);
  });
});
