import type { Outgoing } from '../../contracts/broker.js';
import { idWord } from './keys.js';

/** The most messages in one run of a script, and about the most bytes: a server does nothing else meanwhile. */
export const MOST = 1000;
export const BYTES = 4_000_000;

/** How many characters of a stored body are its message's place. */
const PLACE = 14;

/** Messages that are stored together. */
export interface Parcel {
  /** Position of the first one in the list that was published. */
  readonly from: number;
  readonly count: number;
  /** Arguments of the script: ids, lengths of bodies, what is special, bodies. */
  readonly values: readonly [string, string, string, Buffer];
}

/** A few arguments in place of thousands, which would cost more than all that is done with them. */
export function parcels(messages: readonly Outgoing[]): Parcel[] {
  const packed: Parcel[] = [];
  for (let from = 0; from < messages.length;) {
    let size = 0;
    let to = from;
    while (to < messages.length && to - from < MOST && (to === from || size + messages[to]!.body.length <= BYTES))
      size += messages[to++]!.body.length;
    packed.push(parcel(messages, from, to, size));
    from = to;
  }
  return packed;
}

function parcel(messages: readonly Outgoing[], from: number, to: number, size: number): Parcel {
  const bodies = Buffer.allocUnsafe(size);
  let ids = '';
  let lengths = '';
  let special = '';
  for (let index = from, at = 0; index < to; index++) {
    const { id, body, priority = 0, delay = 0, ttl, unique } = messages[index]!;
    ids += `${idWord(id)} `;
    lengths += `${body.length} `;
    if (priority > 0 || delay > 0 || ttl !== undefined || unique !== undefined)
      special += `${index - from + 1} ${priority} ${delay} ${ttl ?? '-'} ${unique ?? '-'} `;
    bodies.set(body, at);
    at += body.length;
  }
  return { from, count: to - from, values: [ids, lengths, special, bodies] };
}

/** One message as it is handed out. */
export interface Claimed {
  /** By which the server knows it. */
  readonly member: string;
  readonly body: Buffer;
  readonly redelivered: number;
}

/** The answer of the claiming script when it handed out something. Undefined where names are among it that are no words. */
export function unpacked(answer: readonly unknown[]): Claimed[] | undefined {
  const [words, bodies, counts] = answer as [Buffer, Buffer[], (Buffer | null)[] | null];
  const text = words.toString('latin1');
  const members = text.split(' ');
  if (members.length !== bodies.length || ODD.test(text)) return undefined;
  return members.map((member, index) => ({
    member,
    body: bodies[index]!.subarray(PLACE),
    redelivered: counts ? Number(counts[index] ?? 0) : 0,
  }));
}

/** What no name has that this library gave. */
// oxlint-disable-next-line no-control-regex -- it marks copies of one id
const ODD = /[^\x01 -~]/;
