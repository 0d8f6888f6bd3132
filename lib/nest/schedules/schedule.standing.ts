import type { Codec } from '../../contracts/codec.js';
import type { ScheduleOptions } from '../../contracts/schedule.js';

/** How a schedule stands, as all processes that share the coordination store see it. */
export interface Standing {
  readonly state: 'running' | 'paused' | 'removed';
  /** Moments up to this one are nobody's business any more. Milliseconds since the epoch. */
  readonly since: number;
  /** Present for one that was added while processes ran. */
  readonly added?: AddedSchedule;
}

export interface AddedSchedule {
  readonly broker: string;
  readonly queue: string;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** Its options as the codec writes them, in base64. */
  readonly options: string;
}

/** One that nobody has touched. */
export const UNTOUCHED: Standing = { state: 'running', since: 0 };

export function writeStanding(standing: Standing): string {
  return JSON.stringify(standing);
}

/** Undefined for a text that is no standing: of a newer release, say. */
export function readStanding(text: string): Standing | undefined {
  try {
    const { state, since, added } = JSON.parse(text) as Partial<Standing>;
    if (state !== 'running' && state !== 'paused' && state !== 'removed') return undefined;
    if (typeof since !== 'number') return undefined;
    return { state, since, ...(isAdded(added) && { added }) };
  } catch {
    return undefined;
  }
}

export function writeOptions(codec: Codec, options: ScheduleOptions): string {
  return Buffer.from(codec.encodeValue(options)).toString('base64');
}

export function readOptions(codec: Codec, text: string): unknown {
  return codec.decodeValue(Buffer.from(text, 'base64'));
}

function isAdded(value: unknown): value is AddedSchedule {
  const { broker, queue, at, options } = (value ?? {}) as Partial<Record<keyof AddedSchedule, unknown>>;
  return [broker, queue, options].every((text) => typeof text === 'string') && typeof at === 'number';
}
