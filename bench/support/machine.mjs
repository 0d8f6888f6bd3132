import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** What the figures were measured on: they mean little elsewhere. */
export function machine() {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const [cpu] = cpus();
  return {
    version,
    cpu: cpu?.model.replace(/\s+/g, ' ').trim() || 'unknown processor',
    cores: availableParallelism(),
    node: process.versions.node,
    system: `${process.platform} ${process.arch}`,
  };
}
