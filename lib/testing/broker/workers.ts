import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * How a child process makes a broker over the same storage: it imports `module` and calls `export` with `argument`.
 *
 * ```ts
 * workers: { module: new URL('../dist/brokers/acme.js', import.meta.url), export: 'acme', argument: { url } }
 * ```
 *
 * The children run without the test runner's loaders, so what they import must have been built. The program that they run,
 * `kill-child.js`, ships beside this file; when the suite itself runs from TypeScript sources, that of `dist` is taken.
 */
export interface WorkerModule {
  /** Address or absolute path of a module that Node can load as it is: JavaScript, not TypeScript. */
  readonly module: URL | string;
  /** Name of the function in it that returns an unconnected broker. */
  readonly export: string;
  /** Handed to that function; must survive JSON. */
  readonly argument?: unknown;
}

/** What a worker is to do; data, since it travels to a child process. */
export interface WorkerOrder {
  readonly queue: string;
  /** File of the ledger. */
  readonly ledger: string;
  readonly lease: number;
  /** The most deliveries that it takes at once. */
  readonly max: number;
  /** Milliseconds of work for what it took at once. */
  readonly work: number;
  /** After which step of its first deliveries it kills itself with SIGKILL; by default it lives until told to stop. */
  readonly die?: 'claim' | 'start' | 'end';
}

/** What the program in `kill-child.ts` is started with. */
export interface WorkerTask extends WorkerModule {
  readonly module: string;
  readonly order: WorkerOrder;
}

/** A real process that consumes a queue; see `kill-child.ts`. */
export class Worker {
  readonly #child: ChildProcess;
  #complaint = '';
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;

  constructor(source: WorkerModule, order: WorkerOrder) {
    const module = String(source.module);
    const address = /^[a-z]{2,}:/.test(module) ? module : pathToFileURL(module).href;
    const task: WorkerTask = { ...source, module: address, order };
    this.#child = fork(childFile(), [JSON.stringify(task)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#complaint += chunk.toString()));
    this.exited = new Promise((resolve) => this.#child.once('close', () => resolve()));
    this.#child.on('error', (error) => (this.#complaint += error.message));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the process wrote as errors; empty when all went well. */
  get complaint(): string {
    return this.#complaint;
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    return this.exited;
  }

  /** Asks the process to give back what it holds, close and end. */
  stop(): Promise<void> {
    if (this.#child.connected) this.#child.send('stop', () => {});
    return this.exited;
  }
}

/** The compiled file beside this one; when this one runs as TypeScript, that of the last build. */
function childFile(): string {
  const own = import.meta.url;
  const address = new URL(own.endsWith('.js') ? 'kill-child.js' : '../../../dist/testing/broker/kill-child.js', own);
  const file = fileURLToPath(address);
  if (!existsSync(file)) throw new Error(`${file} is missing: build the package before the cases that kill processes`);
  return file;
}
