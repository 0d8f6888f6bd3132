import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ServiceFailure } from './failure.mjs';

/** Places beside PATH, where Debian puts what only root starts. */
const MORE = ['/usr/sbin', '/usr/local/sbin'];

/** The file of a program, of the first name that there is; undefined when there is none. A name may be a whole path. */
export function programOf(...names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE];
  const files = names.flatMap((name) => (name.includes('/') ? name : folders.map((folder) => join(folder, name))));
  return files.find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end and returns what it printed. Throws {@link ServiceFailure} with what it said. */
export function run(file, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', ...options });
  if (status === 0) return stdout;
  const said = [error?.message, stderr, stdout].filter(Boolean).join('\n').trim().split('\n').slice(-10).join('\n');
  throw new ServiceFailure(`${file} ${args.join(' ')} failed:\n${said}`);
}
