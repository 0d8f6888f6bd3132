/** Queue of the audits. */
export const AUDIT_QUEUE = 'license-audit';

/** How long an audit counts, in milliseconds: within it, an unchanged package is not audited again. */
export const AUDIT_TTL = 3_600_000;

/** What the audit of one package found. */
export interface Audit {
  readonly name: string;
  readonly version: string;
  /** Normalised; `null` when the manifest names none, for the `reason` given. */
  readonly license: string | null;
  readonly reason?: string;
  /** Size on disk, without the packages installed below it. */
  readonly bytes: number;
}

/** How the task of one package ended: audited, or dead for a reason. */
export interface Outcome {
  readonly audit?: Audit;
  readonly reason?: string;
  readonly finishedAt: number;
}
