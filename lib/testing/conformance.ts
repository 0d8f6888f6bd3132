/** One requirement of a contract as a test, free of any test runner. */
export interface ConformanceCase {
  /** Subject and requirement: `'order: first in, first out'`. Holds the reason when it is skipped. */
  readonly name: string;
  /** Why it does not apply to this backend; {@link run} then does nothing. */
  readonly skip?: string;
  /** Milliseconds that it may take on a slow machine. */
  readonly timeout: number;
  /** Resolves when the requirement is met, rejects with an `AssertionError` that says what was seen. Needs no `this`. */
  readonly run: () => Promise<void>;
}

/** `describe` and `it` of Vitest, Jest, Mocha or `node:test`. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  readonly it: {
    (name: string, run: () => Promise<void>, timeout?: number): unknown;
    skip(name: string, run: () => Promise<void>): unknown;
  };
}

/**
 * Hands cases to a test runner:
 *
 * ```ts
 * conforms('redis', brokerConformance({ create: () => redis({ url }) }), { describe, it });
 * ```
 */
export function conforms(name: string, cases: readonly ConformanceCase[], { describe, it }: TestRunner): void {
  describe(name, () => {
    for (const check of cases) {
      if (check.skip === undefined) limit(it(check.name, check.run, check.timeout), check.timeout);
      else it.skip(check.name, check.run);
    }
  });
}

/** Mocha takes no timeout as an argument; its test has a method instead. */
function limit(test: unknown, ms: number): void {
  const { timeout } = (test ?? {}) as { timeout?: unknown };
  if (typeof timeout === 'function') timeout.call(test, ms);
}

/** A case before it is bound to a backend. */
export interface Requirement<Trial> {
  readonly name: string;
  /** The reason why it does not apply. */
  readonly skip?: string | false | undefined;
  /** Milliseconds. Default: 30,000. */
  readonly timeout?: number;
  run(trial: Trial): Promise<void>;
}

/** Binds requirements: each run gets a trial of its own, which is closed afterwards whatever happened. */
export function casesOf<Trial extends { close(): Promise<void> }>(
  requirements: readonly Requirement<Trial>[],
  open: () => Trial,
): ConformanceCase[] {
  return requirements.map(({ name, skip, timeout = 30_000, run }) => {
    if (skip) return { name: `${name} (skipped: ${skip})`, skip, timeout, run: () => Promise.resolve() };
    const attempt = async (): Promise<void> => {
      const trial = open();
      try {
        await run(trial);
      } finally {
        await trial.close();
      }
    };
    return { name, timeout, run: attempt };
  });
}
