import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** An installed package as a task's arguments tell it; another `changedAt` is another call to the filter. */
export interface InstalledPackage {
  readonly folder: string;
  /** When its manifest was last changed, 0 without one. */
  readonly changedAt: number;
}

/** Every package in `folder`'s node_modules and in those of the packages there. Links (workspaces) and dot folders are none. */
export async function installedPackages(folder: string): Promise<InstalledPackage[]> {
  const modules = join(folder, 'node_modules');
  const names = (await foldersIn(modules)).map(async (name) =>
    name.startsWith('@') ? (await foldersIn(join(modules, name))).map((inner) => join(name, inner)) : [name],
  );
  const found = (await Promise.all(names)).flat().map(async (name) => {
    const inner = join(modules, name);
    return [{ folder: inner, changedAt: await changedAt(inner) }, ...(await installedPackages(inner))];
  });
  return (await Promise.all(found)).flat();
}

/** Bytes of a package's own files. Links are not followed; what is installed below it counts for itself. */
export async function sizeOf(folder: string, signal: AbortSignal): Promise<number> {
  const folders = [folder];
  let bytes = 0;
  for (const current of folders) {
    signal.throwIfAborted();
    const entries = await readdir(current, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => lstat(join(current, entry.name)));
    for (const { size } of await Promise.all(files)) bytes += size;
    const inner = entries.filter(
      (entry) => entry.isDirectory() && !(current === folder && entry.name === 'node_modules'),
    );
    folders.push(...inner.map((entry) => join(current, entry.name)));
  }
  return bytes;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
}

/** The inode's time: package managers may set the other one to anything. */
async function changedAt(folder: string): Promise<number> {
  return stat(join(folder, 'package.json')).then(
    ({ ctimeMs }) => Math.trunc(ctimeMs),
    () => 0,
  );
}
