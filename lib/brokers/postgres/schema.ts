import { FUNCTIONS } from './functions.js';
import type { Part } from './migration.js';
import { TABLES } from './tables.js';

/** What the broker keeps in a database. */
export const BROKER: Part = {
  name: 'broker',
  versions: [`${TABLES}\n${FUNCTIONS}`],
  columns: {
    funq_tasks: ['seq', 'owner', 'due', 'expires', 'deliveries', 'priority', 'queue', 'body'],
    funq_consumers: ['id', 'queue', 'lease', 'expires', 'idle'],
    funq_unique: ['queue', 'id', 'until'],
  },
};
