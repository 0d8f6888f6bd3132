import { cpus, release, type as system } from 'node:os';

/** What a figure was measured on. */
export function machine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim();
  return `${cores.length} cores${model ? ` (${model})` : ''}, Node ${process.versions.node}, ${system()} ${release()}`;
}
