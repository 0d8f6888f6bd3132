import { randomUUID } from 'node:crypto';
import { textOf, type Alteration } from './altered.js';
import { matchesWords, type Manner } from './spreading.js';

export interface WildcardDefect extends Alteration {
  readonly defect: string;
  /** The start of the name of a case that must fail. */
  readonly caught: string;
  readonly manner?: Manner;
}

/** Defects of `Outgoing.spread` and `SubscribeOptions.pattern`, each with the case that finds it. */
export const WILDCARD_DEFECTS: readonly WildcardDefect[] = [
  {
    defect: 'takes # for one word at least',
    caught: 'wildcards: `*` is one word',
    manner: { matches: (pattern, name) => matchesWords(pattern.replaceAll('#', '*.#'), name) },
  },
  {
    defect: 'lets * stand for several words',
    caught: 'wildcards: `*` is one word',
    manner: { matches: (pattern, name) => matchesWords(pattern.replaceAll('*', '*.#'), name) },
  },
  {
    defect: 'gives a copy to the first queue only',
    caught: 'wildcards: `*` is one word',
    manner: { chosen: (matching, queue) => (matching.length > 0 ? matching.slice(0, 1) : [queue]) },
  },
  {
    defect: 'gives a second copy to the queue of the name',
    caught: 'wildcards: a queue that was subscribed to without',
    manner: { chosen: (matching, queue) => [...matching, queue] },
  },
  {
    defect: 'gives nothing by the own name',
    caught: 'wildcards: a queue that was subscribed to without',
    broker: (inner) => ({ subscribe: (queue, options) => inner.subscribe(queue, { pattern: '-', ...options }) }),
  },
  {
    defect: 'spreads everything',
    caught: 'wildcards: what is published without',
    broker: (inner) => ({
      publish: (queue, messages) =>
        inner.publish(
          queue,
          messages.map((message) => ({ spread: queue, ...message })),
        ),
    }),
  },
  {
    defect: 'loses what no queue matches',
    caught: 'wildcards: what no queue matches',
    manner: { chosen: (matching) => matching },
  },
  {
    defect: 'stores everything in the queue of its name, too',
    caught: 'wildcards: what no queue matches',
    manner: { chosen: (matching, queue) => [...new Set([...matching, queue])] },
  },
  {
    defect: 'gives each subscription a copy',
    caught: 'wildcards: subscriptions to one queue',
    broker: (inner) => ({
      subscribe: (queue, options) => inner.subscribe(`${queue} ${randomUUID()}`, { pattern: queue, ...options }),
    }),
  },
  {
    defect: 'spreads anew what is given back',
    caught: 'wildcards: what is given back',
    subscription: (inner, queue, broker) => ({
      async release(deliveries) {
        const key = (text: string): string => `${queue.replace(/-\w+$/, '')}.${text}`;
        const again = deliveries.map((each) => ({ id: randomUUID(), body: each.body, spread: key(textOf(each)) }));
        await broker.publish(queue, again);
        return inner.ack(deliveries);
      },
    }),
  },
  {
    defect: 'forgets a queue with its last subscription',
    caught: 'wildcards: a queue that nobody consumes',
    manner: { forgetful: true },
  },
  {
    defect: 'decides too early where a delayed message goes',
    caught: 'wildcards: what is delayed',
    manner: { hasty: true },
  },
];
