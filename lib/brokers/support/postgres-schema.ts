import { FUNCTIONS } from './postgres-functions.js';
import type { Part } from './postgres-migration.js';
import { TABLES } from './postgres-tables.js';

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
