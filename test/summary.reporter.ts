import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** How the test is called that stands for those of a server, see `services/service.ts`. */
const ABSENT = /^\w+ is not up: /;

/**
 * Ends a run with one plain line, `N passed, N failed, N skipped`, whatever its outcome, and before it one for each server
 * whose tests were skipped, and for each test that passed at its second try. A file that cannot be loaded and an error outside every test count as one failure each. The
 * lines are written when the process exits, so that nothing follows them.
 */
export class SummaryReporter implements Reporter {
  #lines: readonly string[] = ['0 passed, 0 failed, 0 skipped'];

  onInit(): void {
    process.once('exit', () => {
      writeSync(1, `${this.#lines.join('\n')}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const told = new Set<string>();
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'pending' ? 'skipped' : state] += 1;
        if (state === 'skipped' && ABSENT.test(test.name)) told.add(`skipped: ${test.name}`);
        if (test.diagnostic()?.flaky) told.add(`second try: ${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    const sum = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
    this.#lines = [...[...told].toSorted(), sum];
  }
}
