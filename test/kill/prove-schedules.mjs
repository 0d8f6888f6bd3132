// Counts the tasks that a schedule makes while its processes are killed with -9. Ends with 1 when it is one too many or too few.
//
//   npm run test:schedules -- [--ticks 300] [--cron '* * * * * *' | --every 100ms] [--processes 5] [--kills 5]
import { parseArgs } from 'node:util';
import { proveTicks } from './tick-proof.mjs';

const { values } = parseArgs({
  options: {
    ticks: { type: 'string', default: '300' },
    cron: { type: 'string', default: '* * * * * *' },
    every: { type: 'string' },
    processes: { type: 'string', default: '5' },
    kills: { type: 'string', default: '5' },
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const [ticks, processes, kills] = [values.ticks, values.processes, values.kills].map(Number);
const schedule = values.every ? { every: values.every } : { cron: values.cron };
console.log(`${ticks} ticks of ${JSON.stringify(schedule)}, ${processes} processes, ${kills} kills`);

const found = await proveTicks({ schedule, ticks, processes, kills, log: (line) => console.log(line) });
const dues = found.map(({ due }) => due).toSorted((a, b) => a - b);
const late = found.map((tick) => tick.late).toSorted((a, b) => a - b);
const steps = new Set(dues.slice(1).map((due, n) => due - dues[n]));
const distinct = new Set(found.map(({ id }) => id)).size;
const exact = found.length === ticks && distinct === ticks && steps.size <= 1;
const at = (share) => late[Math.min(late.length - 1, Math.floor(late.length * share))];
console.log(`published ${found.length}, distinct ${distinct}, milliseconds between two: ${[...steps].join(', ')}`);
console.log(`late by, in ms: p50 ${at(0.5)}, p99 ${at(0.99)}, most ${late.at(-1)}`);
console.log(exact ? `exactly ${ticks}` : `NOT exactly ${ticks}`);
process.exitCode = exact ? 0 : 1;
