import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type FunqOptions } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { inWords } from '../../../lib/nest/counters/counter.lines.js';
import { boot, refused } from '../support/app.js';

/** A consumer of ten tasks a second, and one of tasks that the clock ends after `ms`. */
async function reporting(options: Partial<FunqOptions> = {}) {
  const clock = new ManualClock();
  @Injectable()
  class Mixed {
    @Consumer({ queue: 'steady', rate: 10 })
    steady(fate?: string): void {
      if (fate === 'fail') throw new Error('failed');
    }
    @Consumer({ queue: 'long', broker: 'other', concurrency: 1 })
    long(ms: number): Promise<void> {
      return clock.sleep(ms);
    }
  }
  const brokers = { default: memory(), other: memory() };
  const booted = await boot({ providers: [Mixed] }, { clock, brokers, ...options });
  const told: string[] = [];
  booted.events.on('report', ({ text }) => told.push(text));
  /** The lines of the next `seconds`. */
  const lines = async (seconds: number): Promise<string[]> => {
    told.length = 0;
    await clock.advance(seconds * 1000);
    return [...told];
  };
  const many = (count: number, ...args: unknown[]) =>
    booted.funq.publishMany(
      'steady',
      Array.from({ length: count }, () => args),
    );
  return { ...booted, clock, told, lines, many };
}

describe('the report', () => {
  it('is one line a minute for each consumer that is busy, and nothing for the others', async () => {
    const { lines, many, log, clock, close } = await reporting();
    expect(await lines(180)).toEqual([]);
    await many(1000);
    await many(1, 'fail');
    expect(await lines(59.999)).toEqual([]);
    const [first, ...others] = await lines(0.001);
    expect(others).toEqual([]);
    expect(first).toMatch(
      /^steady: (600|601) done, 1001 published in 60 s(, \d running)?; 10\/s \(10 s: 10\/s\), \d+ ms each; 40[01] remain, about 40 s left$/,
    );
    expect(log.find(first!)).toMatchObject([{ level: 'log', context: 'Funq' }]);
    expect(await lines(60)).toEqual([
      expect.stringMatching(
        /^steady: (399|400) done, 1 failed, 1 dead in 60 s; 6\.6\d\/s \(10 s: 0\/s\), \d+ ms each; nothing remains$/,
      ),
    ]);
    expect(await lines(600)).toEqual([]);
    await close();
    expect(log.find('stopped')).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('tells of what runs although nothing ends, names another broker, and has a last word', async () => {
    const { lines, funq, told, clock, close } = await reporting();
    await funq.publish('long', [100_000], { broker: 'other' });
    await funq.publish('long', [1], { broker: 'other' });
    expect(await lines(60)).toEqual([
      "long on broker 'other': 2 published in 60 s, 1 running; 0/s (10 s: 0/s); 2 remain",
    ]);
    await clock.advance(41_000);
    told.length = 0;
    await close();
    expect(told).toEqual(["long on broker 'other': 2 done in 41 s; stopped"]);
    expect(clock.pending).toBe(0);
  });

  it('tells of a queue that grows', async () => {
    const { lines, many } = await reporting();
    for (let second = 0; second < 59; second++) {
      await many(20);
      await lines(1);
    }
    expect(await lines(1)).toEqual([expect.stringMatching(/; \d+ remain, growing$/)]);
  });

  it('comes as often as `report` says, or never', async () => {
    const often = await reporting({ report: '5s' });
    await often.many(100);
    expect(await often.lines(20)).toHaveLength(2);
    const never = await reporting({ report: false });
    await never.many(100);
    expect(await never.lines(600)).toEqual([]);
    await never.many(100);
    await never.close();
    expect(never.told).toEqual([]);
    expect((await refused(() => reporting({ report: 500 }))).message).toBe(
      'FunqModule: report is 500, but must be between 1000 ms and 86400000 ms',
    );
  });

  it('comes in spite of a broker that hangs or can not be counted on, and that is told once', async () => {
    const broker = { ...memory(), count: () => new Promise<number>(() => {}) };
    const { lines, many, log, clock, close } = await reporting({ brokers: { default: broker, other: memory() } });
    await many(5000);
    for (let minute = 0; minute < 2; minute++) {
      const [line, ...others] = await lines(66 - minute * 6);
      expect([line, others]).toEqual([expect.stringMatching(/^steady: \d+ done/), []]);
      expect(line).not.toContain('remain');
    }
    expect(log.find("steady on broker 'default' can't be counted, so its time left is unknown")).toMatchObject([{ level: 'warn' }]); // prettier-ignore
    await many(5000);
    await lines(54);
    await close();
    expect(clock.pending).toBe(0);
  });
});

it.each([
  [0, '0 ms'], [999.4, '999 ms'], [999.6, '1000 ms'], [1000, '1 s'], [57_300, '57 s'], [99_000, '99 s'], [100_000, '2 min'],
  [3_600_000, '60 min'], [5_999_000, '100 min'], [6_000_000, '2 h'], [86_400_000, '24 h'], [864_000_000, '10 days'],
] as const)('says %d ms as %s', (ms, words) => expect(inWords(ms)).toBe(words)); // prettier-ignore
