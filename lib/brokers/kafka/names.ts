import { createHash } from 'node:crypto';

/** The longest name that Kafka takes, less what the group's own name may need. */
const LONGEST = 200;

/**
 * The topic of a queue. Kafka takes `[A-Za-z0-9._-]` and holds `.` and `_` for the same where it compares names, so a topic
 * is the queue's own name but for these: `_` is doubled, and `___` with two hex digits is a byte of anything else, also of
 * a `.` that does not stand alone among letters, digits and `-`. No two queues get topics that Kafka takes for one another.
 */
export function topicOf(queue: string): string {
  const characters = [...queue];
  const topic = characters.map((character, index) => {
    if (/[A-Za-z0-9-]/.test(character)) return character;
    if (character === '_') return '__';
    const alone = plain(characters[index - 1]) && plain(characters[index + 1]) && characters.length > 1;
    return character === '.' && alone ? '.' : bytes(character);
  });
  const name = topic.join('');
  if (name.length <= LONGEST) return name;
  // `zz` is no byte, so no other queue has this name.
  return `${name.slice(0, LONGEST - 37)}___zz${createHash('sha256').update(queue).digest('hex').slice(0, 32)}`;
}

const plain = (character: string | undefined): boolean => character === undefined || /[A-Za-z0-9-]/.test(character);

const bytes = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `___${byte.toString(16).padStart(2, '0')}`).join('');
