import type { Fault } from '../rig/fault.js';
import type { Execution, History } from '../rig/history.js';
import { posixOnly } from './platform.js';

/** Milliseconds to notice that a lease, or a connection, is over, on a busy machine. */
const PATIENCE = 12_000;
/** Milliseconds in which others get something done; when they don't, the frozen process holds a lock that they all need. */
const STILL = 1000;
/** Milliseconds after which what was caught is not waited for any longer: it is lost. */
const LONGEST = 60_000;
/** How often another one is tried, where that happened or where nothing was begun that others could take over. */
const MOST_AGAIN = 5;

/** A process that stands still for longer than its lease, and goes on as if nothing had happened. */
export const freeze: Fault = {
  about:
    'consumers are frozen by SIGSTOP for longer than their lease: others take over, what they acknowledge late is refused',
  full: { tasks: 20_000, processes: 4, faults: 10, lease: 2000, longest: 400 },
  short: { tasks: 500, processes: 2, faults: 1, lease: 1500, longest: 400 },
  obstacle: () => posixOnly('no process can be stopped and continued'),
  async inflict(rig) {
    const { faults, lease } = rig.settings;
    let overtaken = 0;
    let again = 0;
    for (let n = 0; n < faults; n++) {
      await rig.turn(n);
      const member = await rig.anyConsumer();
      await rig.until('it to have a task in hand', () => isBusy(rig.history, member.name));
      const taken = await rig.freeze(member, async () => {
        const since = Date.now();
        const others = (): boolean => (rig.history.lastDone?.at ?? 0) > since;
        await rig.until('others to get on', () => others() || Date.now() > since + STILL);
        // One that stopped in the middle of a write to a file stops everybody, which is the fault `lock`.
        if (!others()) return false;
        // It wakes while others execute what it had in hand: the worst moment for an acknowledgement of its own.
        const end = performance.now() + lease * 2 + PATIENCE;
        const over = (): boolean => takenOver(rig.history, member.name);
        await rig.until('others to take over', () => over() || performance.now() > end);
        return over();
      });
      // A task that many freezes catch would rightly be taken for poison.
      await rig.until('what it had in hand to be done', () => isDone(rig.history, member.name), LONGEST);
      if (taken) overtaken++;
      else if (++again <= MOST_AGAIN) n--;
    }
    return [
      { name: 'frozen', value: faults },
      { name: '… and woken while others had its tasks', value: overtaken, ok: overtaken > 0 },
    ];
  },
};

/** One that has just started has nothing that others could take over. */
function isBusy(history: History, name: string): boolean {
  return [...history.executions.values()].flat().some(({ by, done, lost }) => by === name && !done && !lost);
}

/** Whether something that a frozen process has in hand was begun elsewhere. */
function takenOver(history: History, name: string): boolean {
  return caughtIn(history, name).some(({ task, by }) => history.executions.get(task)!.at(-1)!.by !== by);
}

/** Whether all that a process had in hand when it was frozen is done, by whomever. */
function isDone(history: History, name: string): boolean {
  return caughtIn(history, name).every(({ task }) => history.executions.get(task)!.some(({ done }) => done));
}

/** What the last freeze of a process caught. */
function caughtIn(history: History, name: string): readonly Execution[] {
  const fault = history.faults.findLast(({ on }) => on === name);
  return fault ? history.caughtBy(fault) : [];
}
