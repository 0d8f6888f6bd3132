/** A server can't be had, for a reason that its message tells, with the remedy. */
export class ServiceFailure extends Error {}
