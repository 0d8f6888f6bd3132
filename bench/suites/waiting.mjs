import { HALF, MOST, RATE } from './columns.mjs';

export const latency = {
  name: 'latency',
  title: 'From publishing to the start',
  measures:
    'At 200 tasks a second, after 50,000 as fast as they can: from the call of publish() to the first line of the method.',
  columns: [HALF, MOST],
  settings: { perSecond: 200, tasks: 1000, warm: 50_000 },
  quick: { tasks: 50, warm: 100 },
  rows: [
    { name: 'memory', contender: 'funq-latency', settings: { broker: 'memory' } },
    { name: 'sqlite, same process', contender: 'funq-latency', settings: { broker: 'sqlite' } },
    { name: 'sqlite, another process', contender: 'funq-latency', settings: { broker: 'sqlite', remote: true } },
  ],
};

export const ask = {
  name: 'ask',
  title: 'Asking and being answered',
  measures: 'ask() in one process: published, executed, answered; round trips a second.',
  columns: [{ ...RATE, title: 'answers/s' }],
  settings: { tasks: 20_000 },
  quick: { tasks: 200 },
  rows: ['memory', 'sqlite'].flatMap((broker) =>
    [1, 100].map((width) => ({
      name: `${broker}, ${width === 1 ? 'one by one' : `${width} callers`}`,
      contender: 'funq-round-trip',
      settings: { broker, width },
    })),
  ),
};
