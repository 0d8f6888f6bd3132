/** What contenders tell of, and how it is written. */
export const RATE = { key: 'rate', title: 'tasks/s', format: 'count' };
export const CPU = { key: 'cpu', title: 'µs CPU', format: 'ms' };
export const SERVER = { key: 'server', title: 'µs server', format: 'ms' };
export const PUBLISHED = { key: 'published', title: 'published/s', format: 'count' };
export const CONSUMED = { key: 'consumed', title: 'consumed/s', format: 'count' };
export const MEMORY = { key: 'memory', title: 'MiB', format: 'mib' };
export const HALF = { key: 'half', title: 'median ms', format: 'ms' };
export const MOST = { key: 'most', title: '99 % ms', format: 'ms' };

/** The controls that rows have in common; a rate far above what is possible, so that it costs and never waits. */
export const ONE = { retry: 3 };
export const ALL = { retry: 3, timeout: '10s', filter: true, rate: { starts: 100_000_000 } };
