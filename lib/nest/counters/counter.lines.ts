import type { ConsumerCounters, TaskCounts } from '../../contracts/counters.js';

/** What the log calls the counts; taking up a task is no news. */
const WORDS: Readonly<Partial<Record<keyof TaskCounts, string>>> = {
  done: 'done', failed: 'failed', retried: 'retried', requeued: 'requeued', deferred: 'deferred', filtered: 'filtered',
  expired: 'expired', discarded: 'discarded', dead: 'dead', released: 'given back', late: 'late', leaseLost: 'lost',
  published: 'published',
}; // prettier-ignore

/** `weather: 1204 done, 1 dead in 60 s; 20.1/s (10 s: 19.8/s), 48 ms each; 3400 remain, about 3 min left`. */
export function busyLine(counters: ConsumerCounters, counts: TaskCounts, seconds: number): string {
  const { last10s, last60s, running } = counters;
  const pace = `${perSecond(last60s.rate)} (10 s: ${perSecond(last10s.rate)})`;
  const each = last60s.duration === undefined ? '' : `, ${inWords(last60s.duration)} each`;
  const now = running > 0 ? `, ${running} running` : '';
  const outlook = [others(counters), left(counters)].filter((part) => part !== undefined);
  return [`${ended(counters, counts, seconds)}${now}`, `${pace}${each}`, ...outlook].join('; ');
}

/** The last word of a consumer that was busy until the process stopped. */
export function lastLine(consumer: Consumer, counts: TaskCounts, seconds: number): string {
  return `${ended(consumer, counts, seconds)}; stopped`;
}

/** A span as people say it: `40 s`, `3 min`, `5 h`. */
export function inWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  for (const [unit, size] of SPANS) if (ms < 100 * size) return `${Math.round(ms / size)} ${unit}`;
  return `${Math.round(ms / 86_400_000)} days`;
}

const SPANS: readonly (readonly [string, number])[] = [['s', 1000], ['min', 60_000], ['h', 3_600_000]]; // prettier-ignore

type Consumer = Pick<ConsumerCounters, 'queue' | 'broker'>;

function ended({ queue, broker }: Consumer, counts: TaskCounts, seconds: number): string {
  const parts = Object.entries(WORDS).flatMap(([name, word]) => {
    const count = counts[name as keyof TaskCounts];
    return count > 0 ? [`${count} ${word}`] : [];
  });
  const where = broker === 'default' ? queue : `${queue} on broker '${broker}'`;
  return `${where}: ${parts.join(', ') || 'nothing ended'} in ${inWords(seconds * 1000)}`;
}

function others({ all }: ConsumerCounters): string | undefined {
  return all.processes > 1 ? `${perSecond(all.rate60s)} in ${all.processes} processes` : undefined;
}

function left({ remaining, eta }: ConsumerCounters): string | undefined {
  if (remaining === undefined) return undefined;
  if (remaining === 0) return 'nothing remains';
  if (eta === undefined) return `${remaining} remain`;
  return `${remaining} remain, ${eta === 'growing' ? eta : `about ${inWords(eta)} left`}`;
}

function perSecond(rate: number): string {
  return `${Number(rate.toPrecision(3))}/s`;
}
