import type { CoordinationStore, ResultStore, TaskResult } from '../../lib/contracts/stores.js';

interface Defect<S> {
  readonly defect: string;
  /** The start of the name of a case that must fail. */
  readonly caught: string;
  readonly change: (inner: S) => Partial<S>;
}

/** Defects of coordination stores, each with the case that finds it. */
export const COORDINATION_DEFECTS: readonly Defect<CoordinationStore>[] = [
  {
    defect: 'lets a claim fail for its own owner',
    caught: 'filter: a claimed key',
    change: (inner) => ({ claim: (key, owner, lease) => inner.claim(key, `${owner}${Math.random()}`, lease) }),
  },
  {
    defect: 'ends a lease a millisecond late',
    caught: 'filter: a claim whose lease',
    change: (inner) => ({ claim: (key, owner, lease) => inner.claim(key, owner, lease + 1) }),
  },
  {
    defect: 'ends a TTL a millisecond early',
    caught: 'filter: a confirmed key',
    change: (inner) => ({
      confirm: (key, owner, ttl, value) => inner.confirm(key, owner, ttl === undefined ? ttl : ttl - 1, value),
    }),
  },
  {
    defect: 'forgets after a year what has no TTL',
    caught: 'filter: without a TTL',
    change: (inner) => ({
      confirm: (key, owner, ttl = 365 * 86_400_000, value) => inner.confirm(key, owner, ttl, value),
    }),
  },
  {
    defect: 'takes values for text',
    caught: 'filter: values',
    change: (inner) => ({
      confirm: (key, owner, ttl, value) =>
        inner.confirm(key, owner, ttl, value && Buffer.from(Buffer.from(value).toString())),
    }),
  },
  {
    defect: 'never releases',
    caught: 'filter: a released key',
    change: () => ({ release: async () => {} }),
  },
  {
    defect: 'says that a lost claim was confirmed',
    caught: 'filter: who lost the claim',
    change: (inner) => ({
      confirm: async (...args) => {
        await inner.confirm(...args);
        return true;
      },
    }),
  },
  {
    defect: 'refuses to confirm what nobody else took',
    caught: 'filter: a claim that ran out',
    change: (inner) => ({
      confirm: async (key, owner, ttl, value) =>
        (await inner.claim(key, `not ${owner}`, 0)).state === 'running' && inner.confirm(key, owner, ttl, value),
    }),
  },
  {
    defect: 'asks first and writes later',
    caught: 'filter: of fifty claims',
    change() {
      const taken = new Set<string>();
      return {
        async claim(key) {
          const free = !taken.has(key);
          await Promise.resolve();
          taken.add(key);
          return { state: free ? 'claimed' : 'running' };
        },
      };
    },
  },
  {
    defect: 'cuts long keys',
    caught: 'filter: keys',
    change: (inner) => ({ claim: (key, owner, lease) => inner.claim(key.slice(0, 1000), owner, lease) }),
  },
  {
    defect: 'counts from the last reservation, not on a schedule',
    caught: 'rate: starts are',
    change: () => ({ reserve: async (_key, interval) => interval }),
  },
  {
    defect: 'saves up starts in a pause',
    caught: 'rate: time that goes by',
    change: (inner) => ({
      reserve: (key, interval, burst, permits) => inner.reserve(key, interval, burst + 2, permits),
    }),
  },
  {
    defect: 'ignores the burst',
    caught: 'rate: a burst',
    change: (inner) => ({ reserve: (key, interval, _burst, permits) => inner.reserve(key, interval, 1, permits) }),
  },
  {
    defect: 'takes one place for several permits',
    caught: 'rate: several permits',
    change: (inner) => ({ reserve: (key, interval, burst) => inner.reserve(key, interval, burst, 1) }),
  },
  {
    defect: 'cuts waits off at 0, so that one reservation can not take a burst',
    caught: 'rate: one reservation',
    change: (inner) => ({ reserve: async (...args) => Math.max(0, await inner.reserve(...args)) }),
  },
  {
    defect: 'reserves when it is only asked',
    caught: 'rate: no permits',
    change: (inner) => ({
      reserve: (key, interval, burst, permits) => inner.reserve(key, interval, burst, Math.max(1, permits)),
    }),
  },
  {
    defect: 'rounds intervals to whole milliseconds',
    caught: 'rate: 10,000',
    change: (inner) => ({
      reserve: (key, interval, burst, permits) => inner.reserve(key, Math.round(interval), burst, permits),
    }),
  },
  {
    defect: 'gives one place to all that ask at once',
    caught: 'rate: those who reserve',
    change(inner) {
      let running: Promise<number> | undefined;
      return { reserve: (...args) => (running ??= inner.reserve(...args).finally(() => (running = undefined))) };
    },
  },
  {
    defect: 'has one schedule for all keys',
    caught: 'rate: keys',
    change: (inner) => ({ reserve: (_key, ...rest) => inner.reserve('', ...rest) }),
  },
  {
    defect: 'keeps the first interval for ever',
    caught: 'rate: another interval',
    change(inner) {
      let first: number | undefined;
      return { reserve: (key, interval, ...rest) => inner.reserve(key, (first ??= interval), ...rest) };
    },
  },
  {
    defect: 'loses the consumers of a report',
    caught: 'presence: what is reported',
    change: (inner) => ({ report: (worker, ttl) => inner.report({ ...worker, consumers: {} }, ttl) }),
  },
  {
    defect: 'keeps of a report what it knows',
    caught: 'presence: how consumers fare',
    change: (inner) => ({ report: ({ loads: _loads, ...known }, ttl) => inner.report(known, ttl) }),
  },
  {
    defect: 'keeps the first report',
    caught: 'presence: a later report',
    change: (inner) => ({
      async report(worker, ttl) {
        if (!(await inner.list()).some(({ id }) => id === worker.id)) await inner.report(worker, ttl);
      },
    }),
  },
  {
    defect: 'never forgets a worker',
    caught: 'presence: a report that is not renewed',
    change: (inner) => ({ report: (worker) => inner.report(worker, Infinity) }),
  },
  {
    defect: 'ignores a withdrawal',
    caught: 'presence: who withdraws',
    change: () => ({ withdraw: async () => {} }),
  },
  {
    defect: 'cuts long values',
    caught: 'settings: what is set',
    change: (inner) => ({ set: (key, value) => inner.set(key, value?.slice(0, 1000)) }),
  },
  {
    defect: 'keeps the first value',
    caught: 'settings: a later value',
    change: (inner) => ({
      set: async (key, value) =>
        value === undefined || !(await inner.settings(key)).has(key) ? inner.set(key, value) : undefined,
    }),
  },
  {
    defect: 'removes nothing',
    caught: 'settings: a later value',
    change: (inner) => ({ set: async (key, value) => (value === undefined ? undefined : inner.set(key, value)) }),
  },
  {
    defect: 'lists what merely begins alike',
    caught: 'settings: only keys',
    change: (inner) => ({ settings: (prefix) => inner.settings(prefix.slice(0, -1)) }),
  },
  {
    defect: 'takes signs of a prefix for any sign',
    caught: 'settings: only keys',
    change: (inner) => ({
      async settings(prefix) {
        const like = new RegExp(`^${prefix.replaceAll('_', '.')}`);
        return new Map([...(await inner.settings(''))].filter(([key]) => like.test(key)));
      },
    }),
  },
  {
    defect: 'forgets settings after a year',
    caught: 'settings: stay',
    change(inner) {
      return {
        async set(key, value) {
          await inner.set(key, value);
          if (value !== undefined) await inner.claim(`forgotten/${key}`, 'clock', 365 * 86_400_000);
        },
        async settings(prefix) {
          const found = [...(await inner.settings(prefix))];
          const claims = await Promise.all(found.map(([key]) => inner.claim(`forgotten/${key}`, 'other', 0)));
          return new Map(found.filter((_, n) => claims[n]!.state === 'running'));
        },
      };
    },
  },
  {
    defect: 'lets one connect more than it closes',
    caught: 'store: connect and close twice',
    change(inner) {
      let open = 0;
      return {
        connect: (context) => (open++, inner.connect(context)),
        close: async () => (--open > 0 ? undefined : inner.close()),
      };
    },
  },
  {
    defect: 'answers after close',
    caught: 'store: verbs reject',
    change: (inner) => ({ claim: (...args) => inner.claim(...args).catch(() => ({ state: 'claimed' as const })) }),
  },
];

/** Defects of result stores, each with the case that finds it. */
export const RESULT_DEFECTS: readonly Defect<ResultStore>[] = [
  {
    defect: 'loses the cause of an error',
    caught: 'results: what is saved',
    change: (inner) => ({
      save: (results) =>
        inner.save(
          results.map(({ error, ...rest }) => ({
            ...rest,
            ...(error && { error: { name: error.name, message: error.message } }),
          })),
        ),
    }),
  },
  {
    defect: 'keeps fields of the replaced result',
    caught: 'results: a later result',
    change: (inner) => ({
      async save(results) {
        const merged = await Promise.all(results.map(async (each) => ({ ...(await inner.find(each.id)), ...each })));
        return inner.save(merged);
      },
    }),
  },
  {
    defect: 'keeps what was written last',
    caught: 'results: of several results',
    change(inner) {
      const last = new Map<string, TaskResult>();
      return {
        async save(results) {
          for (const each of results) last.set(each.id, each);
          return inner.save(results);
        },
        find: async (id) => last.get(id),
      };
    },
  },
  {
    defect: 'lists the oldest first',
    caught: 'results: queries',
    change: (inner) => ({ query: async (query) => (await inner.query(query)).toReversed() }),
  },
  {
    defect: 'takes the end of a period for part of it',
    caught: 'results: queries',
    change: (inner) => ({
      query: (query) => inner.query({ ...query, ...(query.until !== undefined && { until: query.until + 1 }) }),
    }),
  },
  {
    defect: 'makes something of a page that can not be',
    caught: 'results: a page',
    change: (inner) => ({
      query: ({ limit = 100, skip = 0, ...query }) =>
        inner.query({ ...query, limit: Math.max(0, Math.floor(limit)), skip: skip > 0 ? skip : 0 }),
    }),
  },
  {
    defect: 'has no default limit',
    caught: 'results: 1,500',
    change: (inner) => ({ query: (query) => inner.query({ limit: 1000, ...query }) }),
  },
  {
    defect: 'returns what has expired',
    caught: 'results: an expired',
    change: (inner) => ({ save: (results) => inner.save(results.map((each) => ({ ...each, expiresAt: undefined }))) }),
  },
  {
    defect: 'rejects an empty list',
    caught: 'results: nothing to save',
    change: (inner) => ({
      save: async (results) => (results.length > 0 ? inner.save(results) : Promise.reject(new Error('empty'))),
    }),
  },
  {
    defect: 'saves one call at a time and drops the others',
    caught: 'results: saves at once',
    change(inner) {
      let busy = false;
      return {
        async save(results) {
          if (busy) return [];
          busy = true;
          await Promise.resolve();
          busy = false;
          return inner.save(results);
        },
      };
    },
  },
];
