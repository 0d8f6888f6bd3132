/** What the sample must come to, counted without any of its code. */
export interface DirectCount {
  packages: number;
  done: number;
  dead: number;
  bytes: number;
  licenses: Record<string, { packages: number; bytes: number }>;
  /** Folders relative to the root, with slashes. */
  unlicensed: string[];
  broken: string[];
}

export function countPackages(root: string): DirectCount;
