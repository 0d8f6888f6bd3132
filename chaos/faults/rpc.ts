import { monitorEventLoopDelay } from 'node:perf_hooks';
import { RpcCaller, TIMEOUT, type Outcomes } from '../process/rpc.caller.js';
import type { Fault, Finding } from '../rig/fault.js';
import type { Rig } from '../rig/rig.js';

/** Calls at once. */
const CALLS = 1000;
/** Milliseconds beyond its time after which a call that has not settled is a defect. */
const GRACE = 1000;
/** MiB that the heap may differ by between two looks. */
const HEAP = 16;
const PROCESSES = 2;
/** Of a caller, each with its own replies. */
const CLIENTS = 2;
/** Milliseconds into a round in which something is killed. */
const SPREAD = 300;
/** Milliseconds between two looks at what is left. */
const LOOK = 100;

interface Trace {
  /** MiB, after a collection where that can be asked for. */
  readonly heap: number;
  readonly listeners: number;
  readonly timers: number;
}

/** Services and their callers are killed while a thousand calls of another caller wait. */
export const rpc: Fault = {
  about: '1,000 send() and ask() calls at once, while services and other callers are killed: each settles in time',
  full: { tasks: 2000, processes: 2, faults: 30, lease: 3000 },
  short: { tasks: 200, processes: 1, faults: 2, lease: 2000 },
  async inflict(rig) {
    const told: Outcomes[] = [];
    rig.enough();
    const standstill = monitorEventLoopDelay();
    for (let n = 0; n < PROCESSES; n++) {
      const members = [rig.fleet.start('callee'), rig.fleet.start('caller')];
      await rig.during('services and callers to start', Promise.all(members.map(({ ready }) => ready)));
    }
    const caller = await RpcCaller.open(rig.fleet.place);
    try {
      await rig.during('the first calls', caller.call(CALLS));
      const before = trace();
      standstill.enable();
      for (let n = 0; n < rig.settings.faults; n++) told.push(await round(rig, caller, n));
      standstill.disable();
      // What was lost with a service comes back, and finds nobody.
      await rig.pause(rig.settings.lease + GRACE);
      const calm = await rig.during('the last calls', caller.call(CALLS));
      const replies = [
        { name: 'reply queues of the caller', value: caller.replyQueues.size, ok: caller.replyQueues.size === CLIENTS },
        await emptied(rig, caller),
      ];
      return [...judged(told, standstill.max / 1e6), afterwards(calm), ...replies, ...grown(before, trace())];
    } finally {
      await caller.close();
    }
  },
};

/** A service dies in every round, and a caller in every other one. */
async function round(rig: Rig, caller: RpcCaller, n: number): Promise<Outcomes> {
  const calls = caller.call(CALLS);
  calls.catch(() => undefined);
  await rig.pause(rig.random.between(0, SPREAD));
  const victims = [rig.random.pick(rig.fleet.callees), ...(n % 2 === 1 ? [rig.random.pick(rig.fleet.callers)] : [])];
  await rig.during('processes to be killed', Promise.all(victims.map((victim) => rig.fleet.kill(victim))));
  const outcomes = await rig.during('all calls to settle', calls);
  await rig.during('services to be back', Promise.all(rig.fleet.callees.map(({ ready }) => ready)));
  return outcomes;
}

/** A process that stands still, because others have the machine, can't settle anything meanwhile. */
function judged(told: readonly Outcomes[], standstill: number): Finding[] {
  const sum = (key: keyof Outcomes): number => told.reduce((total, each) => total + each[key], 0);
  const worst = Math.round(Math.max(...told.map((each) => each.worst)));
  return [
    { name: 'calls', value: told.length * CALLS },
    { name: 'calls answered', value: sum('answered'), ok: sum('answered') > 0 },
    { name: 'calls whose time was over', value: sum('timedOut') },
    { name: 'calls that settled in another way', value: sum('wrong'), ok: sum('wrong') === 0 },
    { name: 'longest standstill of the caller, ms', value: Math.round(standstill) },
    {
      name: `slowest call, ms, of at most ${TIMEOUT + GRACE} and a standstill`,
      value: worst,
      ok: worst <= TIMEOUT + GRACE + standstill,
    },
  ];
}

/** Nobody is killed any more: what is not answered in time then is for want of a faster machine. */
function afterwards({ answered, wrong }: Outcomes): Finding {
  return { name: `calls answered in the end, of ${CALLS}`, value: answered, ok: answered > 0 && wrong === 0 };
}

/** Replies that nobody waits for are taken in like others. */
async function emptied(rig: Rig, caller: RpcCaller): Promise<Finding> {
  let left = await caller.waiting();
  for (let waited = 0; left > 0 && waited < GRACE; waited += LOOK) {
    await rig.pause(LOOK);
    left = await caller.waiting();
  }
  return { name: '… and replies left in them', value: left, ok: left === 0 };
}

function grown(before: Trace, after: Trace): Finding[] {
  const [from, to] = [Math.round(before.heap), Math.round(after.heap)];
  return [
    { name: 'heap of the caller, MiB, before and after', value: `${from}, ${to}`, ok: to - from <= HEAP },
    { name: 'listeners', value: `${before.listeners}, ${after.listeners}`, ok: after.listeners <= before.listeners },
    { name: 'timers', value: `${before.timers}, ${after.timers}`, ok: after.timers <= before.timers + 2 },
  ];
}

function trace(): Trace {
  globalThis.gc?.();
  const listeners = process.eventNames().reduce((total, name) => total + process.listenerCount(name), 0);
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  return { heap: process.memoryUsage().heapUsed / 2 ** 20, listeners, timers };
}
