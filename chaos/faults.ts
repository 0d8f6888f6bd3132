import { block } from './faults/block.js';
import { breakpoint } from './faults/breakpoint.js';
import { diskFull } from './faults/disk-full.js';
import { freeze } from './faults/freeze.js';
import { halfOpen } from './faults/half-open.js';
import { kill } from './faults/kill.js';
import { lock } from './faults/lock.js';
import { poison } from './faults/poison.js';
import { refused } from './faults/refused.js';
import { restart } from './faults/restart.js';
import { serverKill } from './faults/server-kill.js';
import { rpc } from './faults/rpc.js';
import { term } from './faults/term.js';
import type { Fault } from './rig/fault.js';

/** Every fault, one line each. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  kill,
  claim: breakpoint('claim', 'processes end right after they were handed tasks, before any has started'),
  ack: breakpoint('ack', 'processes end when tasks are executed and not yet acknowledged'),
  poison,
  term,
  freeze,
  block,
  lock,
  'disk-full': diskFull,
  restart,
  'server-kill': serverKill,
  'half-open': halfOpen,
  refused,
  rpc,
};
