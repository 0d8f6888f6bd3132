import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, Outgoing } from '../../lib/contracts/broker.js';
import type { Defect } from './broken-brokers.js';

const plain = ({ unique: _unique, ...message }: Outgoing): Outgoing => message;

/** A broker that drops repeats in a way of its own. */
const dropping = (
  isRepeat: (queue: string, message: Outgoing) => boolean | Promise<boolean>,
): ((inner: Broker) => Partial<Broker>) => {
  return (inner) => ({
    async publish(queue, messages) {
      const first: Outgoing[] = [];
      for (const message of messages) if (!(await isRepeat(queue, message))) first.push(plain(message));
      return first.length > 0 ? inner.publish(queue, first) : [];
    },
  });
};

/** Defects of `Outgoing.unique`, each with the case that finds it. */
export const UNIQUE_DEFECTS: readonly Defect[] = [
  {
    defect: 'stores repeats',
    caught: 'unique: a repeat is dropped and counts',
    broker: dropping(() => false),
  },
  {
    defect: 'calls a repeat a failure',
    caught: 'unique: a repeat is dropped and counts',
    broker: (inner) => ({
      publish: async (queue, messages) =>
        (await inner.publish(queue, messages)).map(({ index, error }) => ({ index, error })),
    }),
  },
  {
    defect: 'drops what stands beside a repeat',
    caught: 'unique: a repeat is dropped and counts',
    broker: (inner) => ({
      async publish(queue, messages) {
        const failures = await inner.publish(queue, messages);
        if (failures.length > 0) await inner.purge?.(queue);
        return failures;
      },
    }),
  },
  {
    defect: 'forgets ids when it is purged',
    caught: 'unique: a repeat is dropped when the first was purged',
    broker(inner) {
      let era = 0;
      return {
        publish: (queue, messages) =>
          inner.publish(
            queue,
            messages.map((message) => ({ ...message, id: `${era} ${message.id}` })),
          ),
        purge: (queue) => (era++, inner.purge!(queue)),
      };
    },
  },
  {
    defect: 'forgets ids with the subscription that consumed them',
    caught: 'unique: a repeat is dropped when the first was consumed',
    broker(inner) {
      let era = 0;
      return {
        publish: (queue, messages) =>
          inner.publish(
            queue,
            messages.map((message) => ({ ...message, id: `${era} ${message.id}` })),
          ),
        subscribe: (queue, options) => (era++, inner.subscribe(queue, options)),
      };
    },
  },
  {
    defect: 'merges messages that did not ask for it',
    caught: 'unique: merges nothing else',
    broker: (inner) => ({
      publish: (queue, messages) =>
        inner.publish(
          queue,
          messages.map((message) => ({ unique: 60_000, ...message })),
        ),
    }),
  },
  {
    defect: 'merges ids across queues',
    caught: 'unique: merges nothing else',
    broker(inner) {
      const seen = new Set<string>();
      return dropping((_queue, { id, unique }) => {
        const repeat = unique !== undefined && seen.has(id);
        if (unique !== undefined) seen.add(id);
        return repeat;
      })(inner);
    },
  },
  {
    defect: 'does not tell capitals apart',
    caught: 'unique: merges nothing else',
    broker: (inner) => ({
      publish: (queue, messages) =>
        inner.publish(
          queue,
          messages.map((message) => ({ ...message, id: message.id.toLowerCase() })),
        ),
    }),
  },
  {
    defect: 'remembers ids for ever',
    caught: 'unique: the id is free again',
    broker: (inner) => ({
      publish: (queue, messages) =>
        inner.publish(
          queue,
          messages.map((message) => ({ ...message, ...(message.unique && { unique: 1e12 }) })),
        ),
    }),
  },
  {
    defect: 'looks first and stores later',
    caught: 'unique: of eight publishers at once',
    broker(inner) {
      const seen = new Set<string>();
      return dropping(async (_queue, { id }) => {
        if (seen.has(id)) return true;
        await sleep(1);
        seen.add(id);
        return false;
      })(inner);
    },
  },
];
