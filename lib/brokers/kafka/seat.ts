/** A place in a consumer group, in memory that threads share: who sits there changes whenever the group forms anew. */
export interface Seat {
  readonly group: string;
  readonly memory: SharedArrayBuffer;
}

/** As whom a group knows one of its members. */
export interface Sitter {
  readonly member: string;
  readonly generation: number;
}

/** Bytes: more than the name of a client and a UUID take. */
const SIZE = 512;

export function seatIn(group: string): Seat {
  return { group, memory: new SharedArrayBuffer(SIZE) };
}

/** Nobody sits there without `sitter`, or with one whose name is too long. */
export function take({ memory }: Seat, sitter?: Sitter): void {
  const text = Buffer.from(sitter ? JSON.stringify(sitter) : '');
  const bytes = new Uint8Array(memory).fill(0);
  if (text.length <= SIZE) bytes.set(text);
}

/** Undefined where nobody sits, or while that changes. */
export function sitterOf({ memory }: Seat): Sitter | undefined {
  const text = Buffer.from(new Uint8Array(memory)).toString().replace(/\0+$/, '');
  try {
    return JSON.parse(text) as Sitter;
  } catch {
    return undefined;
  }
}
