import { relative, sep } from 'node:path';
import type { Audit, Outcome } from './audit.js';
import type { InstalledPackage } from './packages/installed-packages.js';

export interface Share {
  packages: number;
  bytes: number;
}

/** What one process did for the audit. */
export interface Run {
  readonly startedAt: number;
  readonly published: number;
  readonly executed: number;
  readonly filtered: number;
}

/** The totals of all packages, and what this process did for them. */
export interface Summary extends Omit<Run, 'startedAt'> {
  readonly root: string;
  readonly packages: number;
  readonly done: number;
  /** Of `done`, how many already were when this run began. */
  readonly doneBefore: number;
  readonly dead: number;
  readonly bytes: number;
  /** By licence, most packages first. */
  readonly licenses: Readonly<Record<string, Share>>;
  readonly unlicensed: readonly Finding[];
  readonly broken: readonly Finding[];
  readonly duration: number;
}

/** Something to look at: where, and why. */
export interface Finding {
  readonly folder: string;
  readonly package?: string;
  readonly reason: string;
}

/** `outcomeOf` must know every one of `packages`. */
export function summarise(
  root: string,
  packages: readonly InstalledPackage[],
  outcomeOf: (each: InstalledPackage) => Outcome | undefined,
  { startedAt, ...run }: Run,
): Summary {
  const ended = packages
    .map((each) => ({ folder: relative(root, each.folder).replaceAll(sep, '/'), ...outcomeOf(each)! }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
  const done = ended.flatMap(({ audit, ...rest }) => (audit ? { ...rest, audit } : []));
  const broken = ended.filter(({ audit }) => !audit);
  return {
    root,
    packages: packages.length,
    done: done.length,
    doneBefore: done.filter(({ finishedAt }) => finishedAt < startedAt).length,
    dead: broken.length,
    bytes: done.reduce((sum, { audit }) => sum + audit.bytes, 0),
    licenses: shares(done.map(({ audit }) => audit)),
    unlicensed: done
      .filter(({ audit }) => audit.license === null)
      .map(({ folder, audit }) => ({ folder, package: `${audit.name}@${audit.version}`, reason: audit.reason ?? '' })),
    broken: broken.map(({ folder, reason }) => ({ folder, reason: reason ?? '' })),
    ...run,
    duration: Date.now() - startedAt,
  };
}

function shares(audits: readonly Audit[]): Record<string, Share> {
  const found = new Map<string, Share>();
  for (const { license, bytes } of audits) {
    if (license === null) continue;
    const share = found.get(license) ?? { packages: 0, bytes: 0 };
    found.set(license, { packages: share.packages + 1, bytes: share.bytes + bytes });
  }
  return Object.fromEntries([...found].sort(([, a], [, b]) => b.packages - a.packages || b.bytes - a.bytes));
}
