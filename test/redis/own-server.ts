import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts } from '../../scripts/services/index.mjs';

/** Whether servers of one's own can be started here. */
export const canStart = spawnSync('redis-server', ['--version']).status === 0;

/** A server that a test may kill, freeze and reconfigure: a port and a folder of its own, an append-only file. */
export class OwnServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'funq-redis-'));
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  /** Not started yet. */
  static async create(...options: string[]): Promise<OwnServer> {
    const [port] = await freePorts(1);
    return new OwnServer(port!, options);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder];
    const safe = ['--appendonly', 'yes', '--save', ''];
    this.#process = spawn('redis-server', [...place, ...safe, ...this.options], { stdio: 'ignore' });
    const client = new Redis(this.port, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    await client.ping().catch((error: Error) => {
      // It asks for a password, so it is up.
      if (!error.message.includes('NOAUTH')) throw error;
    });
    client.disconnect();
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    if (!ending || ending.exitCode !== null) return;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    if (signal !== 'SIGKILL') ending.kill('SIGCONT');
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
