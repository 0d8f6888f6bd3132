import 'reflect-metadata';
import { ConsoleLogger } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { FunqDeadLetters } from 'nestjs-funq';
import { FunqTesting, FunqTestingModule } from 'nestjs-funq/testing';
import { deepEqual, equal } from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AppModule } from './app.module.js';
import { Bank } from './bank.js';
import { BillingService } from './billing.service.js';

/** The time of a run as a clock on the wall in Berlin shows it. */
const berlin = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Berlin', dateStyle: 'short', timeStyle: 'short' });

/** A bank that works, until a test says otherwise. */
class TestBank extends Bank {
  readonly debits: string[] = [];
  answer: (customer: string) => Promise<void> = async () => undefined;

  override async debit(customer: string, month: string): Promise<string> {
    await this.answer(customer);
    this.debits.push(`${customer} ${month}`);
    return 'receipt';
  }
}

describe('billing', () => {
  let app: TestingModule;
  let testing: FunqTesting;
  let bank: TestBank;

  beforeEach(async () => {
    bank = new TestBank();
    // The app as it is, with brokers, stores and clock of the test.
    app = await Test.createTestingModule({ imports: [AppModule, FunqTestingModule] })
      .setLogger(new ConsoleLogger({ logLevels: ['fatal'] }))
      .overrideProvider(Bank)
      .useValue(bank)
      .compile();
    await app.init();
    testing = app.get(FunqTesting);
  });
  afterEach(() => app.close());

  it('charges everyone once a month, and writes a digest each morning, all year', async (context) => {
    const begun = performance.now();
    await testing.advance('365d');
    context.diagnostic(`a year took ${Math.round(performance.now() - begun)} ms`);

    const months = testing.runs(BillingService, 'billEveryone').map(({ startedAt }) => berlin.format(startedAt));
    equal(months.length, 12);
    deepEqual([months[0], months[6]], ['2026-01-01 06:00', '2026-07-01 06:00']);
    equal(new Set(bank.debits).size, 36);
    equal(bank.debits.length, 36);

    const digests = testing.runs(BillingService, 'digest');
    equal(digests.length, 365);
    // Summer or winter: seven o'clock is seven o'clock.
    equal(
      digests.every(({ startedAt }) => berlin.format(startedAt).endsWith('07:00')),
      true,
    );
  });

  it('keeps to what the bank can bear', async () => {
    await testing.advance('1d');
    const runs = testing.runs(BillingService, 'charge');
    const [first] = runs;
    deepEqual(
      runs.map(({ args: [customer], startedAt }) => [customer, startedAt - first!.startedAt]),
      [
        ['ada', 0],
        ['grace', 500],
        ['edsger', 1000],
      ],
    );
  });

  it('tries again while the bank is away, and waits longer each time', async () => {
    const back = testing.clock.now() + 6 * 3_600_000;
    bank.answer = async () => {
      if (testing.clock.now() < back) throw new Error('closed');
    };
    await testing.advance('1d');
    const ada = testing.runs(BillingService, 'charge').filter(({ args }) => args[0] === 'ada');
    const minutes = ada.map(({ startedAt }) => (startedAt - ada[0]!.startedAt) / 60_000);
    deepEqual(minutes, [0, 10, 30, 70]);
    deepEqual(
      ada.map(({ outcome, attempt }) => `${attempt} ${outcome}`),
      ['1 failed', '2 failed', '3 failed', '4 done'],
    );
  });

  it('does not wait for a bank that hangs', async () => {
    bank.answer = (customer) => (customer === 'ada' ? new Promise(() => undefined) : Promise.resolve());
    await testing.advance('1d');
    const [run] = testing.runs(BillingService, 'charge');
    deepEqual([run!.args[0], run!.outcome, run!.endedAt! - run!.startedAt], ['ada', 'failed', 10_000]);
    deepEqual(bank.debits, ['grace 2026-01', 'edsger 2026-01']);
  });

  it('keeps what can not be charged, until somebody has mended it', async () => {
    bank.answer = async (customer) => {
      if (customer === 'grace') throw new Error('no such account');
    };
    await testing.advance('1d');
    const letters = app.get(FunqDeadLetters);
    const [letter] = await letters.list('charges');
    deepEqual(
      [letter?.reason, letter?.envelope?.args, letter?.errors.length],
      ['no such account', ['grace', '2026-01'], 5],
    );

    await letters.replayOne('charges', letter!.id, { args: ['hopper', '2026-01'] });
    await testing.drain();
    equal(bank.debits.at(-1), 'hopper 2026-01');
    equal(await letters.count('charges'), 0);
  });

  it('publishes what it says, before anything runs', async () => {
    await app.get(BillingService).billEveryone();
    deepEqual(
      testing.published(BillingService, 'charge').map(({ args }) => args),
      [
        ['ada', '2026-01'],
        ['grace', '2026-01'],
        ['edsger', '2026-01'],
      ],
    );
  });
});
