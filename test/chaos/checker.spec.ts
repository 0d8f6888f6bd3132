import { describe, expect, it } from 'vitest';
import { accountOf, breachesOf, type Account, type Leftovers } from '../../chaos/rig/checker.js';
import { History } from '../../chaos/rig/history.js';
import type { Entry, Mark } from '../../chaos/rig/ledger.js';

const NOTHING: Leftovers = { dead: [], queued: [] };

/** A forged ledger: `time process mark task note`, one entry each. */
function forged(...lines: string[]): History {
  const entries = lines.map((line): Entry => {
    const [at, by, mark, task = '-', note = '-'] = line.split(' ');
    return { at: Number(at), by: by!, mark: mark as Mark, task, note };
  });
  return new History(entries);
}

/** A task that was published and acknowledged. */
const published = (...tasks: string[]): string[] =>
  tasks.flatMap((task) => [`0 p attempted ${task}`, `1 p acknowledged ${task}`]);
/** Run `n` of a process, from beginning to end. */
const executed = (by: string, task: string, n = 1): string[] => [
  `10 ${by} start ${task} ${n}`,
  `20 ${by} end ${task} ${n}`,
  `21 ${by} done ${task} ${n}`,
];

function judge(history: History, left = NOTHING): { account: Account; breaches: string[] } {
  const account = accountOf(history, left);
  return { account, breaches: breachesOf(account) };
}

describe('the account of a run', () => {
  it('is good when all that was acknowledged was executed once', () => {
    const { account, breaches } = judge(forged(...published('a', 'b'), ...executed('c1', 'a'), ...executed('c2', 'b')));
    expect(breaches).toEqual([]);
    expect(account).toMatchObject({ attempted: 2, acknowledged: 2, executed: 2, duplicated: 0, inFlight: 0 });
    expect(account.recovery).toBeUndefined();
  });

  it('is good when what a killed process had in hand was executed again', () => {
    const ledger = [...published('a'), '10 c1 start a 1', '15 c1 fault', '65 c2 start a 1', '66 c2 end a 1'];
    const { account, breaches } = judge(forged(...ledger, '67 c2 done a 1'));
    expect(breaches).toEqual([]);
    expect(account).toMatchObject({ faults: 1, inFlight: 1, duplicated: 1, unexplained: 0 });
    expect(account.recovery).toEqual({ p50: 50, p99: 50, max: 50 });
  });

  it('is good when a process was killed between the end of a function and its acknowledgement', () => {
    const ledger = [...published('a'), '10 c1 start a 1', '12 c1 end a 1', '15 c1 fault'];
    expect(judge(forged(...ledger, ...executed('c2', 'a'))).breaches).toEqual([]);
  });

  it('catches a task that was acknowledged and is nowhere', () => {
    const history = forged(...published('a', 'b'), ...executed('c1', 'a'));
    expect(judge(history).breaches).toEqual(['lost: 1, must be 0']);
    expect(judge(history, { dead: [], queued: ['b'] }).breaches).toEqual(['queued: 1, must be 0']);
  });

  it('catches a task that began and never ended', () => {
    expect(judge(forged(...published('a'), '10 c1 start a 1', '15 c1 fault')).breaches).toEqual(['lost: 1, must be 0']);
  });

  it('catches a repeat that no fault explains, though others were in flight at one', () => {
    const fault = ['10 c1 start a 1', '11 c1 start b 2', '12 c1 fault'];
    const ledger = [...published('a', 'b', 'c'), ...fault, ...executed('c2', 'a', 1), ...executed('c2', 'b', 2)];
    const { account, breaches } = judge(forged(...ledger, ...executed('c2', 'c', 3), '30 c2 start c 4'));
    expect(account).toMatchObject({ duplicated: 3, inFlight: 2, unexplained: 1 });
    expect(breaches).toContain('unexplained: 1, must be 0');
    expect(breaches).toContain('duplicated: 3, must be at most the 2 in flight at the faults');
  });

  it('catches a repeat of what had been done before the process was killed', () => {
    const ledger = [...published('a'), ...executed('c1', 'a'), '30 c1 fault', '40 c2 start a 1'];
    expect(judge(forged(...ledger)).account).toMatchObject({ inFlight: 0, unexplained: 1 });
  });

  it('catches what nobody published, wherever it turns up', () => {
    expect(judge(forged(...executed('c1', 'ghost'))).breaches).toEqual(['unexpected: 1, must be 0']);
    expect(judge(forged(), { dead: ['ghost'], queued: [] }).breaches).toContain('unexpected: 1, must be 0');
  });

  it('catches a task that was refused and executed all the same, unless its fate was unknown', () => {
    const refused = (code: string): History =>
      forged('0 p attempted a', `1 p rejected a ${code}`, ...executed('c1', 'a'));
    expect(judge(refused('FUNQ_SQLITE_FULL')).breaches).toEqual(['contradicted: 1, must be 0']);
    const unknown = judge(refused('FUNQ_PUBLISH_TIMEOUT'));
    expect(unknown.breaches).toEqual([]);
    expect(unknown.account.recovered).toBe(1);
  });

  it('counts as recovered what was executed though its publisher was killed before it knew', () => {
    const { account, breaches } = judge(forged('0 p attempted a', '1 p fault', ...executed('c1', 'a')));
    expect(breaches).toEqual([]);
    expect(account).toMatchObject({ acknowledged: 0, recovered: 1 });
  });

  it('catches an acknowledgement that was accepted after another had started', () => {
    const taken = ['10 c1 start a 1', '11 c1 fault', '40 c2 start a 1', '50 c1 over'];
    const late = judge(forged(...published('a'), ...taken, '51 c1 end a 1', '52 c1 done a 1', '53 c2 end a 1'));
    expect(late.breaches).toEqual(['staleAccepted: 1, must be 0']);
    const both = judge(forged(...published('a'), ...taken, '53 c2 end a 1', '54 c2 done a 1', '55 c1 done a 1'));
    expect(both.breaches).toEqual(['staleAccepted: 1, must be 0']);
  });

  it('accepts a frozen process that finds its lease lost, also of what it began on waking', () => {
    const frozen = ['10 c1 start a 1', '11 c1 fault', '40 c2 start a 1', '41 c2 end a 1', '42 c2 done a 1'];
    const woken = ['45 c2 start b 2', '46 c2 end b 2', '47 c2 done b 2', '50 c1 over', '51 c1 start b 2'];
    const ends = ['51 c1 end a 1', '52 c1 lost a 1', '52 c1 lost b 2', '53 c1 end b 2'];
    const { account, breaches } = judge(forged(...published('a', 'b'), ...frozen, ...woken, ...ends));
    expect(account).toMatchObject({ inFlight: 2, duplicated: 2, staleRefused: 2, staleAccepted: 0 });
    expect(breaches).toEqual([]);
  });

  it('accepts what its owner ends after a process that woke has begun it, too, and had lost it', () => {
    const taken = [
      '10 c1 fault',
      '40 c2 start a 1',
      '50 c1 over',
      '51 c1 start a 1',
      '60 c2 end a 1',
      '61 c2 done a 1',
    ];
    const refused = judge(forged(...published('a'), ...taken, '62 c1 end a 1', '63 c1 lost a 1'));
    expect(refused.account).toMatchObject({ duplicated: 1, unexplained: 0, staleRefused: 1, staleAccepted: 0 });
    expect(refused.breaches).toEqual([]);
    const accepted = judge(forged(...published('a'), ...taken, '62 c1 end a 1', '63 c1 done a 1'));
    expect(accepted.breaches).toContain('staleAccepted: 1, must be 0');
  });

  it('accepts two copies of a task that a killed process was putting back, and only of that', () => {
    const killed = ['5 c1 claim a', '5 c1 claim b', '6 c1 back b', '7 c1 fault'];
    const again = [...executed('c2', 'a', 1), ...executed('c3', 'a', 1), ...executed('c2', 'b', 2)];
    const { account, breaches } = judge(forged(...published('a', 'b'), ...killed, ...again));
    expect(breaches).toEqual([]);
    expect(account).toMatchObject({ inFlight: 1, duplicated: 1 });
    const both = judge(forged(...published('a', 'b'), ...killed, ...again, ...executed('c3', 'b', 2)));
    expect(both.account).toMatchObject({ unexplained: 1, staleAccepted: 1 });
  });

  it('counts what was lost in an earlier fault to that one only', () => {
    const first = [
      '10 c1 start a 1',
      '11 c1 fault',
      '40 c2 start a 1',
      '41 c2 end a 1',
      '42 c2 done a 1',
      '50 c1 over',
    ];
    const history = forged(...published('a'), ...first, '51 c1 lost a 1', '52 c1 end a 1', '90 c1 fault', '95 c1 over');
    expect(history.faults.map((fault) => history.caughtBy(fault).length)).toEqual([1, 0]);
    expect(judge(history).account.recovery).toEqual({ p50: 29, p99: 29, max: 29 });
  });

  it('does not blame a fault for a lease that was lost long after it', () => {
    const ledger = [...published('a'), '10 c1 fault', '20 c1 over', '5000 c1 start a 1', '9000 c1 lost a 1'];
    const { account, breaches } = judge(forged(...ledger, '9001 c2 start a 1', '9002 c2 end a 1', '9003 c2 done a 1'));
    expect(account).toMatchObject({ inFlight: 0, leasesLost: 1, unexplained: 1 });
    expect(breaches).toHaveLength(3);
  });

  it('catches a lease that was lost without a fault, and a process that crashed', () => {
    const ledger = [
      ...published('a'),
      '10 c1 start a 1',
      '11 c1 lost a 1',
      '12 c1 end a 1',
      '13 c1 crash - exit-code-1',
    ];
    expect(judge(forged(...ledger)).breaches).toEqual(['leasesLost: 1, must be 0', 'crashed: 1, must be 0']);
  });

  it('catches dead letters that should not be, and misses those that should', () => {
    const account = accountOf(forged(...published('a')), { dead: ['a'], queued: [] });
    expect(account.lost).toBe(0);
    expect(breachesOf(account)).toEqual(['dead: 1, must be 0']);
    expect(breachesOf(account, 1)).toEqual([]);
    expect(breachesOf(account, 2)).toEqual(['dead: 1, must be 2']);
  });

  it('measures the return to work after a fault that hit all from its end', () => {
    const ledger = [
      ...published('a'),
      '10 * fault',
      '100 * over',
      '140 c1 start a 1',
      '150 c1 end a 1',
      '151 c1 done a 1',
    ];
    expect(judge(forged(...ledger)).account.recovery).toEqual({ p50: 51, p99: 51, max: 51 });
  });
});
