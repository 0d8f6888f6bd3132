import { CPU, RATE } from './columns.mjs';

export const publish = {
  name: 'publish',
  title: 'Publishing, in memory',
  measures:
    'Nobody consumes. Peers: adding to a paused queue. funq: each promise resolves when the broker holds its task.',
  columns: [RATE, CPU],
  settings: { tasks: 200_000, broker: 'memory' },
  quick: { tasks: 2000 },
  rows: [
    { name: 'fastq.promise', contender: 'fastq', settings: { only: 'push' } },
    { name: 'p-queue', contender: 'p-queue', settings: { only: 'push' } },
    { name: 'funq, one by one', contender: 'funq-publish', settings: { way: 'one by one' } },
    { name: 'funq, 1,000 in flight', contender: 'funq-publish', settings: { way: 'in flight' } },
    { name: 'funq, publishMany of 1,000', contender: 'funq-publish', settings: { way: 'many' } },
  ],
};
