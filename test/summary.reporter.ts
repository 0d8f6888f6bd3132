import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed, N skipped`, whatever its outcome. A file that cannot be loaded and
 * an error outside every test count as one failure each. The line is written when the process exits, so that nothing
 * follows it.
 */
export class SummaryReporter implements Reporter {
  #line: string | undefined;

  onInit(): void {
    process.once('exit', () => {
      writeSync(1, `${this.#line ?? '0 passed, 0 failed, 0 skipped'}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'pending' ? 'skipped' : state] += 1;
      }
    }
    this.#line = `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
  }
}
