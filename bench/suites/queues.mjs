import { CPU, RATE } from './columns.mjs';

const CONSTANT = 0.8;

export const queues = {
  name: 'queues',
  title: 'Over many queues',
  measures:
    'The same number of tasks in all, spread over so many queues, each with a consumer of its own; 10 at once in each.',
  columns: [RATE, CPU],
  settings: { concurrency: 10 },
  rounds: 3,
  quick: { tasks: 2000 },
  rows: [...rows('memory', 200_000), ...rows('sqlite', 100_000)],
};

function rows(broker, tasks) {
  const row = (count) => ({
    name: `${broker}, ${count.toLocaleString('en-US')}`,
    contender: 'funq-consume',
    settings: { broker, tasks, queues: count },
    ...(count > 1 && { than: `${broker}, 1`, target: { atLeast: CONSTANT } }),
  });
  return [1, 10, 100, 1000].map(row);
}
