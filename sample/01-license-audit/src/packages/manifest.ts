import { DeadLetterError } from 'nestjs-funq';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../terminal/text.js';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly licenses?: unknown;
}

/** A larger file is no manifest. */
const LARGEST = 16 * 2 ** 20;

/**
 * Reads a package's manifest. One that is broken stays broken: it goes to the dead letters at once. Whatever else may go
 * wrong, such as a file that is locked just now, is an ordinary error and worth a retry.
 */
export async function readManifest(folder: string, signal: AbortSignal): Promise<Manifest> {
  const file = join(folder, 'package.json');
  const found = await stat(file).catch(unlessMissing);
  if (!found) throw new DeadLetterError(existsSync(folder) ? 'there is no package.json' : 'the package is gone');
  if (!found.isFile()) throw new DeadLetterError('package.json is not a file');
  if (found.size > LARGEST) throw new DeadLetterError(`package.json has ${found.size} bytes, more than any manifest`);
  const manifest = parse(await readFile(file, { encoding: 'utf8', signal }));
  for (const field of ['name', 'version'] as const) {
    const value: unknown = manifest[field];
    if (typeof value !== 'string' || value.trim() === '') throw new DeadLetterError(`package.json has no ${field}`);
  }
  return manifest;
}

function parse(text: string): Manifest {
  if (text.trim() === '') throw new DeadLetterError('package.json is empty');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, '')); // npm reads past a byte order mark, too.
  } catch (error) {
    throw new DeadLetterError(`package.json is not JSON: ${printable((error as Error).message)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Manifest;
  throw new DeadLetterError('package.json is JSON, but no object');
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
