import { ALL, ONE, CPU, RATE } from './columns.mjs';

const PEER = 'fastq.promise';

export const memory = {
  name: 'memory',
  title: 'Executing, in memory',
  measures:
    'An async method that does nothing, 100 at once. Peers: from the first push to the last result; or only the execution of\n' +
    'what a paused queue was filled with. funq: tasks that wait, from the first start to the last acknowledgement; or all of it.',
  columns: [RATE, CPU],
  settings: { tasks: 200_000, broker: 'memory' },
  quick: { tasks: 2000 },
  rows: [
    { name: 'the method itself', contender: 'direct' },
    { name: PEER, contender: 'fastq' },
    { name: 'p-queue', contender: 'p-queue' },
    { ...consume('funq', {}), target: { atLeast: 1.1 } },
    consume('funq, retry', ONE),
    { ...consume('funq, retry timeout filter rate', ALL), target: { atLeast: 0.5 } },
    { name: 'fastq.promise, filled before', contender: 'fastq', settings: { filled: true } },
    { name: 'p-queue, filled before', contender: 'p-queue', settings: { filled: true } },
    { name: 'funq, publish to done', contender: 'funq-end-to-end', settings: { controls: {} }, than: PEER },
  ],
};

export const controls = {
  name: 'controls',
  title: 'What each control costs, in memory',
  measures: 'As above; one control at a time.',
  columns: [RATE, CPU],
  settings: { tasks: 100_000, broker: 'memory' },
  quick: { tasks: 2000 },
  rows: [
    consume('none', {}, undefined),
    consume('retry', ONE, 'none'),
    consume('timeout', { timeout: '10s' }, 'none'),
    consume('expire', { expire: '1h' }, 'none'),
    consume('rate', { rate: ALL.rate }, 'none'),
    consume('filter', { filter: true }, 'none'),
  ],
};

function consume(name, options, than = name === 'none' ? undefined : PEER) {
  return { name, contender: 'funq-consume', settings: { controls: options }, ...(than && { than }) };
}
