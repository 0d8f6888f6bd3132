import type { Broker, Outgoing } from '../../lib/contracts/broker.js';

/** How a broker spreads; what is left out it does rightly. */
export interface Manner {
  matches?(pattern: string, name: string): boolean;
  /** The queues that get a copy, of all that match. */
  chosen?(matching: readonly string[], queue: string): readonly string[];
  /** A delayed message goes where it would have gone at once. */
  readonly hasty?: boolean;
  /** A queue gets nothing while nobody consumes it. */
  readonly forgetful?: boolean;
}

/** A broker with wildcards, made of one without. */
export function spreading(inner: Broker, manner: Manner = {}): Broker {
  const { matches = matchesWords, chosen = orItself, hasty = false, forgetful = false } = manner;
  const patterns = new Map<string, Set<string>>();
  const goals = (queue: string, name: string): readonly string[] => {
    const bound = [...patterns].filter(([, own]) => [...own].some((pattern) => matches(pattern, name)));
    return chosen(
      bound.map(([each]) => each),
      queue,
    );
  };
  const spread = async (queue: string, { spread: name, ...message }: Outgoing): Promise<void> => {
    const { delay = 0, ...due } = message;
    if (delay > 0 && !hasty) setTimeout(() => void spread(queue, { ...due, spread: name! }), delay);
    else for (const goal of goals(queue, name!)) await inner.publish(goal, [message]);
  };
  return {
    ...inner,
    features: { ...inner.features, wildcards: true },
    async publish(queue, messages) {
      for (const message of messages) if (message.spread !== undefined) await spread(queue, message);
      const straight = messages.filter(({ spread: name }) => name === undefined);
      return straight.length > 0 ? inner.publish(queue, straight) : [];
    },
    async subscribe(queue, options) {
      const subscription = await inner.subscribe(queue, options);
      const own = patterns.get(queue) ?? new Set();
      patterns.set(queue, own.add(options.pattern ?? queue));
      if (!forgetful) return subscription;
      const close = async (): Promise<void> => {
        patterns.delete(queue);
        await subscription.close();
      };
      return { ...subscription, close };
    },
  };
}

const orItself = (matching: readonly string[], queue: string): readonly string[] =>
  matching.length > 0 ? matching : [queue];

/** As the contract has it. */
export function matchesWords(pattern: string, name: string): boolean {
  const match = ([head, ...rest]: readonly string[], words: readonly string[]): boolean => {
    if (head === undefined) return words.length === 0;
    if (head === '#') return match(rest, words) || (words.length > 0 && match([head, ...rest], words.slice(1)));
    return words.length > 0 && (head === '*' || head === words[0]) && match(rest, words.slice(1));
  };
  return match(pattern.split('.'), name.split('.'));
}
