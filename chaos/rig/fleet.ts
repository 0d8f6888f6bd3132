import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from '../brokers.js';
import { WEIGH, type ProcessOrder, type Weight } from '../process/order.js';
import type { LedgerWriter } from './ledger.js';

const PROGRAM = fileURLToPath(new URL('../process/main.js', import.meta.url));
/** Milliseconds for a process that was told to end; its own grace is shorter. */
const PATIENCE = 30_000;

type Role = ProcessOrder['role'];

/** A process of the run. */
export class Member {
  /** It was told to end, so its end is no news. */
  dismissed = false;
  /** Resolves when it does its work, or is gone. */
  readonly ready: Promise<void>;
  /** Resolves with the signal or the code that ended it. */
  readonly gone: Promise<string>;

  constructor(
    readonly order: ProcessOrder,
    readonly child: ChildProcess,
  ) {
    this.gone = new Promise((resolve) =>
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${String(code)}`)),
    );
    const told = new Promise<void>((resolve) => child.once('message', () => resolve()));
    this.ready = Promise.race([told, this.gone.then(() => undefined)]);
  }

  get name(): string {
    return this.order.name;
  }

  /** Resolves to undefined when the process is gone. */
  weigh(): Promise<Weight | undefined> {
    const told = new Promise<Weight>((resolve) => this.child.once('message', resolve as () => void));
    this.child.send(WEIGH, () => undefined);
    return Promise.race([told, this.gone.then(() => undefined)]);
  }
}

/** Starts processes, replaces those that are killed, and ends them all. Only its own processes are ever ended. */
export class Fleet {
  readonly #members = new Set<Member>();
  #count = 0;
  #closing = false;

  constructor(
    private readonly common: Omit<ProcessOrder, 'name' | 'role'>,
    /** Where the output of the processes goes. */
    private readonly folder: string,
    private readonly ledger: LedgerWriter,
  ) {}

  get consumers(): Member[] {
    return this.#withRole('consumer');
  }

  get publishers(): Member[] {
    return this.#withRole('publisher');
  }

  get callees(): Member[] {
    return this.#withRole('callee');
  }

  get callers(): Member[] {
    return this.#withRole('caller');
  }

  /** What processes of the run have in common. */
  get place(): Pick<ProcessOrder, 'broker' | keyof Place> {
    return this.common;
  }

  /** Starts a process; one that is `replaced` has a successor as soon as it ends. */
  start(role: Role, special: Partial<ProcessOrder> = {}, replaced = true): Member {
    const name = `${role}${++this.#count}`;
    const order: ProcessOrder = { ...this.common, seed: this.common.seed + this.#count, ...special, name, role };
    const output = openSync(join(this.folder, `${name}.log`), 'a');
    const child = fork(PROGRAM, [JSON.stringify(order)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', output, output, 'ipc'],
    });
    closeSync(output);
    const member = new Member(order, child);
    this.#members.add(member);
    void member.gone.then((how) => {
      this.#members.delete(member);
      this.#note(member, how);
      if (replaced && !this.#closing) this.start(role, special);
    });
    return member;
  }

  /** Kills it; resolves when it is gone. */
  kill(member: Member): Promise<string> {
    member.child.kill('SIGKILL');
    return member.gone;
  }

  /** Asks it to end, by SIGTERM; resolves with how it did. */
  async dismiss(member: Member): Promise<string> {
    member.dismissed = true;
    member.child.kill('SIGTERM');
    const late = setTimeout(() => member.child.kill('SIGKILL'), PATIENCE);
    const how = await member.gone;
    clearTimeout(late);
    return how;
  }

  /** Ends all, by SIGTERM. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#members].map((member) => this.dismiss(member)));
  }

  /** For the end of this very process. */
  killAll(): void {
    for (const { child } of this.#members) child.kill('SIGKILL');
  }

  #withRole(role: Role): Member[] {
    return [...this.#members].filter(({ order, dismissed }) => order.role === role && !dismissed);
  }

  #note({ name, dismissed }: Member, how: string): void {
    if (how === 'SIGKILL') this.ledger.write('fault', undefined, how, name);
    else if (!dismissed || !['SIGTERM', 'exit code 0'].includes(how))
      this.ledger.write('crash', undefined, how.replaceAll(' ', '-'), name);
  }
}
