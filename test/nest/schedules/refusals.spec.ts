import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type Broker, type ConsumerOptions, type FunqError, type FunqOptions } from 'nestjs-funq';
import { memoryCoordination } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { z } from 'zod';
import { refusal } from '../support/app.js';
import { limited } from '../support/brokers.js';

type Schedule = ConsumerOptions['schedule'];

/** What an app with this consumer was refused with. */
function refusedFor(
  schedule: unknown,
  consumer: ConsumerOptions = {},
  options: Partial<FunqOptions> = {},
): Promise<FunqError> {
  @Injectable()
  class Jobs {
    @Consumer({ queue: 'jobs', ...consumer, schedule: schedule as Schedule })
    run(): void {}
  }
  return refusal({ providers: [Jobs] }, { clock: new ManualClock(), ...options });
}

const cyclic: unknown[] = [];
cyclic.push(cyclic);

describe('a schedule is refused at start-up', () => {
  it.each<[unknown, string]>([
    [{}, 'none is given, but a schedule takes exactly one'],
    [{ cron: '* * * * *', every: '1m' }, 'cron and every are given, but a schedule takes exactly one'],
    [7, 'must be one schedule'],
    ['* * * * *', 'must be one schedule'],
    [null, 'must be one schedule'],
    [[null], 'Jobs.run: schedule[0]: options are null, but must be an object'],
    [[{ every: '1s' }, { evry: '1s' }], 'Jobs.run: schedule[1]: evry is "1s", but is unknown'],
    [{ cron: '0 0 30 2 *' }, 'Jobs.run: schedule: cron is "0 0 30 2 *": there is no such date'],
    [{ cron: '61 * * * *' }, 'Jobs.run: schedule: cron is "61 * * * *"'],
    [{ cron: 5 }, 'cron is 5, but must be a text'],
    [{ cron: '* * * * *', timeZone: 'Mars/Base' }, 'timeZone is "Mars/Base", but is no IANA time zone'],
    [{ every: '1m', timeZone: 'UTC' }, 'timeZone is "UTC", but belongs to cron alone'],
    [{ every: 0 }, 'every is 0, but must be between 100 ms'],
    [{ every: 99 }, 'every is 99, but must be between 100 ms'],
    [{ every: -1 }, 'every is -1, which is no duration'],
    [{ every: NaN }, 'every is NaN, which is no duration'],
    [{ every: Infinity }, 'every is Infinity, which is no duration'],
    [{ every: 5n }, 'every is a bigint, which is no duration'],
    [{ every: 'often' }, 'every is "often", which is no duration'],
    [{ at: [] }, 'at is a list, but must name 1 to 1000 moments'],
    [{ at: 'tomorrow' }, 'at is "tomorrow", which is no moment'],
    [
      { at: '2026-03-08T06:00:00' },
      'which is no moment: give a Date, milliseconds since 1970, or a text with its offset',
    ],
    [{ at: new Date(NaN) }, 'at is an object, which is no moment'],
    [{ at: 9e15 }, 'at is 9000000000000000, which is no moment'],
    [{ at: [null] }, 'at is null, which is no moment'],
    [{ every: '1s', from: '2026-01-02', until: '2026-01-01' }, 'until is "2026-01-01", but must not be before from'],
    [{ every: '1s', times: 0 }, 'times is 0, but must be a whole number from 1 to 10000'],
    [{ every: '1s', times: 1.5 }, 'times is 1.5'],
    [{ every: '1s', missed: 'all' }, "missed is \"all\", but must be 'skip', 'once' or a number from 0 to 100"],
    [{ every: '1s', missed: 101 }, 'missed is 101'],
    [{ every: '1s', args: 'x' }, 'args is "x", but must be the list of arguments'],
    [{ every: '1s', name: 'a b' }, 'name is "a b", but must be 1 to 128 letters'],
    [{ every: '1s', headers: { a: 1 } }, 'headers'],
    [{ every: '1s', retry: -1 }, 'retry'],
    [{ every: '1s', id: 'x' }, 'id is "x", but is unknown'],
  ])('%o', async (schedule, text) => {
    const error = await refusedFor(schedule);
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toContain(text);
  });

  it.each<[string, unknown, ConsumerOptions, string, string]>([
    ['arguments that can not be sent', { every: '1s', args: [1, () => 1] }, {}, 'FUNQ_UNSERIALIZABLE', 'args[1]'],
    ['arguments without an end', { every: '1s', args: cyclic }, {}, 'FUNQ_UNSERIALIZABLE', 'args[0]'],
    [
      'arguments that are too large',
      { every: '1s', args: ['x'.repeat(2 ** 20)] },
      {},
      'FUNQ_PAYLOAD_TOO_LARGE',
      "tasks of schedule 'jobs' have",
    ],
    [
      'arguments that do not fit the schema',
      { every: '1s', args: [1] },
      { schema: z.tuple([z.string()]) },
      'FUNQ_SCHEMA',
      'args[0]',
    ],
    [
      'two of one name',
      [
        { every: '1s', name: 'a' },
        { every: '2s', name: 'a' },
      ],
      {},
      'FUNQ_CONSUMER_CLASH',
      "both have a schedule 'a'",
    ],
  ])('%s', async (_what, schedule, consumer, code, text) => {
    const error = await refusedFor(schedule, consumer);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });

  it('among the defaults of all consumers', async () => {
    const error = await refusedFor(false, {}, { defaults: { schedule: { every: '1s' } } as never }).catch(
      (thrown: FunqError) => thrown,
    );
    expect(error.message).toContain('belongs to one consumer');
  });
});

describe('a set-up that could not keep the promise is refused', () => {
  const shared = (features: Partial<Broker['features']>): Partial<FunqOptions> => ({
    brokers: { default: limited({ shared: true, durable: true, ...features }) },
  });
  const store = (nature: { shared: boolean; durable: boolean }): Partial<FunqOptions> => {
    const inner = memoryCoordination();
    return {
      stores: {
        coordination: Object.defineProperties(inner, {
          shared: { value: nature.shared },
          durable: { value: nature.durable },
        }),
      },
    };
  };

  it('a shared broker that can not drop repeats, without a shared store', async () => {
    const alone = await refusedFor({ every: '1s' }, {}, shared({ unique: false }));
    expect(alone).toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
    expect(alone.message).toBe(
      "Jobs.run: schedule 'jobs' would be published by every process: they share broker 'default' (limited), which can't drop repeats, and there is no coordination store; share one such as sqliteCoordination({ file }), or move the consumer to a broker that drops repeats, such as sqlite",
    );
    const own = await refusedFor(
      { every: '1s' },
      {},
      { ...shared({ unique: false }), ...store({ shared: false, durable: false }) },
    );
    expect(own.message).toContain('the coordination store (memory) is not shared');
  });

  it('times that nobody could remember', async () => {
    const schedule = { every: '1s', times: 3 };
    expect((await refusedFor(schedule, {}, shared({}))).code).toBe('FUNQ_STORE_MISSING');
    const fleeting = await refusedFor(schedule, {}, { ...shared({}), ...store({ shared: true, durable: false }) });
    expect(fleeting.message).toContain(
      "counts its times from when it first started, which the coordination store (memory) can't remember",
    );
  });

  it('a priority that the broker does not know', async () => {
    const error = await refusedFor(
      { every: '1s', priority: 5 },
      {},
      { brokers: { default: limited({ priority: false }) } },
    );
    expect(error.message).toContain("has a priority, which broker 'default' (limited) can't honour");
  });
});
