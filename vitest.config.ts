import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import swc from 'unplugin-swc';
import { defineConfig } from 'vitest/config';
import { LongFirstSequencer } from './test/long-first.sequencer.js';
import { SummaryReporter } from './test/summary.reporter.js';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};

/** Tests name the package as users do, and get its sources: one alias for each line of `exports`. */
const alias = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === 'string'
    ? []
    : {
        find: new RegExp(`^nestjs-funq${subpath.slice(1)}$`),
        replacement: fileURLToPath(
          new URL(target.default.replace('./dist/', './lib/').replace(/\.js$/, '.ts'), import.meta.url),
        ),
      },
);

export default defineConfig({
  plugins: [
    swc.vite({
      tsconfigFile: false,
      module: { type: 'es6' },
      jsc: {
        target: 'es2022',
        keepClassNames: true,
        parser: { syntax: 'typescript', decorators: true },
        transform: {
          legacyDecorator: true,
          decoratorMetadata: true,
          useDefineForClassFields: true,
          verbatimModuleSyntax: true,
        },
      },
    }),
  ],
  resolve: { alias },
  test: {
    include: ['test/**/*.spec.ts'],
    typecheck: {
      enabled: true,
      include: ['test/**/*.test-d.ts'],
      tsconfig: 'test/tsconfig.json',
    },
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongFirstSequencer },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 20_000,
    // Real servers and processes on a shared machine: one more try, and the run's last lines name what needed it.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', new SummaryReporter()],
    coverage: { provider: 'v8', include: ['lib/**/*.ts'], reporter: ['text', 'lcovonly'] },
  },
});
