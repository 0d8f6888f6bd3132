export type ServiceName = 'redis' | 'rabbitmq' | 'postgres' | 'mongo' | 'kafka';

/** By name, the variable that names a running one. */
export const SERVICES: Readonly<Record<ServiceName, string>>;

/** The address of the server that everybody shares, if `npm run services` or a test has started it. */
export function serviceUrl(name: ServiceName): string | undefined;

/** Starts the shared server if it isn't up, and what it needs is installed where possible. Resolves to its address when it answers. */
export function ensureService(name: ServiceName): Promise<string>;

/** The same for who can't wait: blocks this thread. Throws an error that tells what is missing and how to mend it. */
export function ensureServiceNow(name: ServiceName): string;

export interface PrivateOptions {
  /** What it keeps: data, log and pid. One that was there before goes on with its data, at its old port. */
  readonly folder: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly settings?: {
    /** Redis' `appendfsync`; default: `everysec`. */
    readonly fsync?: 'always' | 'everysec' | 'no';
    /** The port by which Kafka tells clients to come; default: its own. */
    readonly advertised?: number;
  };
}

/** A server of one's own. Its address stays the same over restarts; it ends with this process at the latest. */
export interface PrivateServer {
  readonly url: string;
  /** Undefined while it is down, and in a container. */
  readonly pid: number | undefined;
  /** Resolves when the protocol answers. */
  start(): Promise<void>;
  /** An orderly end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGSTOP. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends it for good. A container's data is removed; a folder is left to its owner. */
  close(): Promise<void>;
}

/** What runs on this machine in place of the real server, where that can't be had. */
export function standInOf(name: ServiceName): string | undefined;

/** Different ports of the loopback address that nobody listens at now, and that no outgoing connection is given. */
export function freePorts(count: number): Promise<number[]>;

/** Starts a second instance, for a test that kills, freezes or restarts it. */
export function startPrivate(name: ServiceName, options: PrivateOptions): Promise<PrivateServer>;
