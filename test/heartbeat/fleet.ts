import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JsonCodec, type Broker } from 'nestjs-funq';
import { sqlite } from 'nestjs-funq/sqlite';
import { createEnvelope } from '../../lib/core/envelope.js';
import { SystemClock } from '../../lib/core/system-clock.js';

export interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly pid: number;
}

/** Consumer processes on one SQLite file, and what they wrote down. Only its own processes are ever ended. */
export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'funq-kill-'));
  readonly #codec = new JsonCodec();
  readonly #children = new Set<ChildProcess>();
  readonly #clock = new SystemClock();
  readonly broker: Broker = sqlite({ file: join(this.folder, 'funq.db') });

  constructor(private readonly script: string) {}

  async open(): Promise<this> {
    await this.broker.connect({ clock: this.#clock });
    return this;
  }

  /** Starts a consumer and resolves when it consumes, or has died while starting. */
  async start(settings: object = {}): Promise<ChildProcess> {
    const child = fork(this.script, [this.folder, JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
    return child;
  }

  /** Resolves with the signal or the code that ended it. */
  async ended(child: ChildProcess): Promise<string | number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? child.exitCode;
  }

  async kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<string | number | null> {
    child.kill(signal);
    return this.ended(child);
  }

  async publish(argsList: readonly (readonly unknown[])[], queue = 'jobs'): Promise<void> {
    const messages = argsList.map((args) => {
      const envelope = createEnvelope({ args, publishedAt: this.#clock.now() });
      return { id: envelope.id, body: this.#codec.encode(envelope) };
    });
    await this.broker.publish(queue, messages);
  }

  ledger(): Entry[] {
    const file = join(this.folder, 'ledger.txt');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => line.split(' ')).map(([kind, id, pid]) => ({ kind: kind!, id: id!, pid: Number(pid) }));
  }

  /** How often each id has an entry of the kind. */
  counts(kind: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const entry of this.ledger()) if (entry.kind === kind) counts.set(entry.id, (counts.get(entry.id) ?? 0) + 1);
    return counts;
  }

  /** Polls for a condition of the outside world; the limit only ends a test that would hang. */
  async until(condition: () => boolean | Promise<boolean>, limit = 60_000): Promise<void> {
    const end = this.#clock.monotonic() + limit;
    while (!(await condition())) {
      if (this.#clock.monotonic() > end)
        throw new Error(`not within ${limit} ms; ledger has ${this.ledger().length} entries`);
      await this.#clock.sleep(20);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.kill(child)));
    await this.broker.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function once(child: ChildProcess, event: 'message' | 'exit'): Promise<void> {
  return new Promise((resolve) => child.once(event, () => resolve()));
}
