import { beforeAll, describe, expect, it } from 'vitest';
import { buildChaos, run, survives } from './run-chaos.js';

beforeAll(() => buildChaos(), 180_000);

describe('processes that end', () => {
  survives('kill', ({ faults, inFlight, duplicated }) => faults === 4 && duplicated! <= inFlight!);
  survives('claim', ({ faults, duplicated }) => faults === 2 && duplicated === 0);
  survives('ack', ({ faults, duplicated }) => faults === 2 && duplicated! > 0);
  survives('poison', ({ faults, dead }) => faults === 5 && dead === 1);
  survives('rpc', ({ faults, duplicated }) => faults! >= 2 && duplicated === 0);
  survives('term', ({ faults, duplicated }) => faults === 0 && duplicated === 0);
});

describe('the command line of chaos', () => {
  it.each([
    [['--fault', 'bogus'], "--fault 'bogus' is not known; there are: kill, "],
    [['--broker', 'bogus'], "--broker 'bogus' is not known; there are: sqlite"],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await run('main.js', ...args);
    expect(code).toBe(2);
    expect(output).toContain(message);
  });
});
