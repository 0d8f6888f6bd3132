import type { Rig } from './rig.js';

/** The numbers of a run. */
export interface Settings {
  readonly tasks: number;
  /** Consumer processes at a time. */
  readonly processes: number;
  /** How many times the fault is inflicted. */
  readonly faults: number;
  /** Milliseconds. */
  readonly lease: number;
  /** The option of this name, in milliseconds. */
  readonly maxBlock?: number;
  /** The longest that a task's function takes, in milliseconds; 5 when not given. */
  readonly longest?: number;
  /** Milliseconds that the server can't be reached, for a fault that makes it so. */
  readonly outage?: number;
}

/** What a fault has seen besides the account: shown, and judged where it can be wrong. */
export interface Finding {
  readonly name: string;
  readonly value: string | number;
  readonly ok?: boolean;
}

/** One way to do harm, and what must hold then besides what always must. */
export interface Fault {
  /** One line for the help. */
  readonly about: string;
  readonly full: Settings;
  /** The numbers of a run of seconds, as `npm test` has it. */
  readonly short: Settings;
  /** Tasks publish another one each before they end. */
  readonly follow?: boolean;
  /**
   * Tasks are put back as copies. A process that dies after it wrote the copy and before it acknowledged the original leaves
   * both, so what it held counts as in flight even when its function had not begun.
   */
  readonly copies?: boolean;
  /**
   * The fault needs a server of its own: `direct` for one that is killed or restarted, `proxied` with a proxy before it. Brokers
   * that have no server can't be harmed so.
   */
  readonly server?: 'direct' | 'proxied';
  /** Brokers that can be harmed so; all when not given. */
  readonly brokers?: readonly string[];
  /** Why it can't be done on this machine; undefined when it can. */
  obstacle?(broker: string): string | undefined;
  /** Makes the place where the broker stores ready; returns what undoes that. */
  prepare?(folder: string): () => void;
  /** Harms the processes while they work. */
  inflict(rig: Rig): Promise<readonly Finding[]>;
  /** Tasks that must end in the dead letters, out of those that the fault ordered. */
  readonly deadly?: (task: string) => boolean;
}
