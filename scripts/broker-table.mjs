// Writes the table of brokers into the README, from what each broker declares: the same features choose the cases of the
// conformance kit, so the table can't claim more than was tested. `npm run docs`; a test compares it.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { kafka } from 'nestjs-funq/kafka';
import { memory } from 'nestjs-funq/memory';
import { mongo } from 'nestjs-funq/mongo';
import { postgres } from 'nestjs-funq/postgres';
import { rabbitmq } from 'nestjs-funq/rabbitmq';
import { redis } from 'nestjs-funq/redis';
import { sqlite } from 'nestjs-funq/sqlite';

const README = new URL('../README.md', import.meta.url);
const PLACE = /(<!-- brokers: [^>]*-->\n)[\s\S]*?(\n<!-- end of brokers -->)/;

/** Each broker by its call, and what features can't say: what its messages survive. */
const BROKERS = [
  { call: 'memory()', subpath: 'memory', broker: memory(), survives: 'nothing: they are in this process' },
  {
    call: 'sqlite({ file })',
    subpath: 'sqlite',
    broker: sqlite({ file: 'funq.db' }),
    survives: "kill -9 of every process; power loss too with `durability: 'full'`",
    reach: 'yes, on one machine',
  },
  {
    call: 'redis({ url })',
    subpath: 'redis',
    broker: redis({ url: 'redis://localhost' }),
    survives: 'what its append-only file does: the last second may be lost with `everysec`, nothing with `always`',
  },
  {
    call: 'rabbitmq({ url })',
    subpath: 'rabbitmq',
    broker: rabbitmq({ url: 'amqp://localhost' }),
    survives: 'restarts of the server, and the loss of a node: quorum queues',
  },
  {
    call: "rabbitmq({ type: 'classic' })",
    subpath: 'rabbitmq',
    broker: rabbitmq({ url: 'amqp://localhost', type: 'classic' }),
    survives: 'restarts of the server',
  },
  {
    call: 'postgres({ url })',
    subpath: 'postgres',
    broker: postgres({ url: 'postgres://localhost' }),
    survives: 'what a commit survives',
  },
  {
    call: 'mongo({ url })',
    subpath: 'mongo',
    broker: mongo({ url: 'mongodb://localhost/app' }),
    survives: 'a crash, and the loss of a minority of a replica set: `majority`, journaled',
  },
  {
    call: 'kafka({ brokers })',
    subpath: 'kafka',
    broker: kafka({ brokers: 'localhost:9092' }),
    survives: 'what its replication does: all copies in sync have it',
  },
];

const DEATH = {
  counted: 'tasks come back, counted',
  flagged: 'tasks come back, marked',
  none: 'takes its tasks along',
};

const COLUMNS = [
  ['broker', ({ call }) => `\`${call}\``],
  ['import', ({ subpath }) => `\`nestjs-funq/${subpath}\``],
  ['published tasks survive', ({ survives }) => survives],
  ['a consumer killed with -9', ({ broker: { features } }) => DEATH[features.durable ? features.redelivery : 'none']],
  ['several processes', ({ broker, reach = 'yes' }) => (broker.features.shared ? reach : 'no')],
  ...['delay', 'priority', 'ordered', 'unique'].map((feature) => [
    { ordered: 'order', unique: 'drops repeats' }[feature] ?? feature,
    ({ broker }) => (broker.features[feature] ? 'yes' : 'no'),
  ]),
];

/** The README with the table as it must be. */
export async function withTable(readme) {
  if (!PLACE.test(readme)) throw new Error('README.md has no place for the table of brokers');
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const rows = [
    row(COLUMNS.map(([title]) => title)),
    row(COLUMNS.map(() => '---')),
    ...BROKERS.map((broker) => row(COLUMNS.map(([, cell]) => cell(broker)))),
  ];
  const text = readme.replace(PLACE, (_, before, after) => `${before}\n${rows.join('\n')}\n${after}`);
  return format(text, { ...(await resolveConfig(fileURLToPath(README))), parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(README, await withTable(await readFile(README, 'utf8')));
}
