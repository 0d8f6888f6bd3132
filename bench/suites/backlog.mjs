import { CONSUMED, MEMORY, PUBLISHED } from './columns.mjs';

const FLAT = 0.8;
const GIB = 2 ** 30;

export const backlog = {
  name: 'backlog',
  title: 'With tasks that wait',
  measures:
    'Publishing with 1,000 in flight, then executing, while so many other tasks wait; the most memory that the process held.',
  columns: [CONSUMED, PUBLISHED, MEMORY],
  rounds: 3,
  settings: { tasks: 100_000 },
  quick: { tasks: 2000, queued: 1000 },
  rows: [
    row('memory', 0),
    { ...row('memory', 1_000_000), target: { atMost: 1.5 * GIB, column: 'memory' } },
    row('sqlite', 0),
    { ...row('sqlite', 100_000), than: 'sqlite, 0', target: { atLeast: FLAT } },
    { ...row('sqlite', 1_000_000), than: 'sqlite, 0', target: { atLeast: FLAT } },
  ],
};

function row(broker, queued) {
  const name = `${broker}, ${queued.toLocaleString('en-US')}`;
  return { name, contender: 'funq-backlog', settings: { broker, queued } };
}
