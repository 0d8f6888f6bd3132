import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names a process so that others on the same machine can tell whether it still runs. */
export interface ProcessMark {
  /** Where `pid` means something; empty where that can't be told. */
  readonly place: string;
  readonly pid: number;
  /** Tells the process from a later one with the same pid; empty where that can't be told. */
  readonly started: string;
}

export function thisProcess(): ProcessMark {
  return { place: placeOf(), pid: process.pid, started: started(process.pid) ?? '' };
}

/** Whether the process is gone for certain, seen from `here`. In doubt it is not: then its lease has to tell. */
export function hasEnded(mark: ProcessMark, here: ProcessMark): boolean {
  if (!mark.place || mark.place !== here.place) return false;
  if (mark.pid === here.pid) return mark.started !== here.started;
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const now = mark.started && started(mark.pid);
  return now !== undefined && now !== mark.started;
}

/** Containers share a host name, not pids: on Linux a place is one boot of one machine and one name space of pids. */
function placeOf(): string {
  if (process.platform !== 'linux') return `${process.platform} ${hostname()}`;
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** When a process started, in the kernel's ticks; `'ended'` for one that only waits to be buried; undefined when that can't be read. */
function started(pid: number): string | undefined {
  try {
    // The second field is the program's name in brackets and may hold anything; state is the third field, start the 22nd.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return /^[ZX]/.test(fields[0] ?? '') ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}
