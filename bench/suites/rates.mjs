export const rates = {
  name: 'rates',
  title: 'Starts under a rate',
  measures:
    'Starts in every window of ten seconds, wherever it begins: the fewest and the most. Tasks take 0 to 2 s, at 500/s 0 to 0.2 s.',
  columns: [
    { key: 'expected', title: 'asked for', format: 'starts' },
    { key: 'least', title: 'fewest', format: 'starts' },
    { key: 'most', title: 'most', format: 'starts' },
  ],
  asked: true,
  rounds: 1,
  settings: { broker: 'memory', seconds: 40, longest: 2000 },
  quick: { seconds: 12 },
  rows: [
    row('0.5/s', { rate: 0.5 }),
    row('5/s', { rate: 5 }),
    row('30/s', { rate: 30 }),
    row('500/s', { rate: 500, longest: 200 }),
    row('5/s, four processes', { rate: 5, processes: 4, broker: 'sqlite' }),
    row('30/s, four processes', { rate: 30, processes: 4, broker: 'sqlite' }),
    row('500/s, four processes', { rate: 500, longest: 200, processes: 4, broker: 'sqlite' }),
  ],
};

function row(name, settings) {
  return { name, contender: 'funq-rate', settings };
}
