import { setTimeout as sleep } from 'node:timers/promises';
import type { TestedBroker } from '../brokers.js';
import type { ChaosPublisher } from '../process/publisher.js';
import type { Fault, Settings } from './fault.js';
import type { Fleet, Member } from './fleet.js';
import type { History } from './history.js';
import type { LedgerReader, LedgerWriter } from './ledger.js';
import type { Proxy } from './proxy.js';
import type { Random } from './random.js';
import type { PrivateServer } from './services.js';
import type { Site } from './site.js';
import type { Supply } from './supply.js';

const TICK = 25;
/** Milliseconds without any entry in the ledger after which a run is stuck. */
const STUCK = 60_000;
/** Milliseconds beyond a lease after which nothing more comes back. */
const RETURN = 2000;
/** Milliseconds that a stopped process takes to stand still. */
const STANDSTILL = 20;

interface Parts {
  readonly broker: TestedBroker;
  readonly settings: Settings;
  readonly site: Site;
  readonly fleet: Fleet;
  readonly history: History;
  readonly supply: Supply;
  readonly ledger: LedgerWriter;
  readonly reader: LedgerReader;
  readonly random: Random;
  readonly publisher: ChaosPublisher;
}

/** What a fault works with: the processes, their history so far, and the means to wait and to do harm. */
export class Rig {
  readonly broker: TestedBroker;
  readonly settings: Settings;
  /** Where the broker keeps what it stores. */
  readonly folder: string;
  readonly fleet: Fleet;
  readonly history: History;
  readonly random: Random;
  /** For tasks beside those of the load. */
  readonly publisher: ChaosPublisher;

  constructor(private readonly parts: Parts) {
    ({ broker: this.broker, settings: this.settings, fleet: this.fleet } = parts);
    this.folder = parts.site.folder;
    ({ history: this.history, random: this.random, publisher: this.publisher } = parts);
  }

  /** The server, of a fault that has one of its own. */
  get server(): PrivateServer {
    return this.parts.site.server!;
  }

  /** The way to the server, of a fault that asks for it. */
  get proxy(): Proxy {
    return this.parts.site.proxy!;
  }

  /** Waits, while the work goes on. Throws when nothing happens any more, or when that takes longer than `most` milliseconds. */
  async until(what: string, condition: () => boolean, most = Infinity): Promise<void> {
    const end = performance.now() + most;
    for (let [size, since] = [-1, 0]; !condition(); await sleep(TICK)) {
      this.#look();
      const now = performance.now();
      if (now > end) throw new Error(`stuck: waited ${most} ms for ${what}`);
      if (this.history.size > size) [size, since] = [this.history.size, now];
      else if (now - since > STUCK) throw new Error(`stuck: nothing has happened for ${STUCK} ms, waiting for ${what}`);
    }
  }

  async pause(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await this.until('a pause to end', () => performance.now() >= end);
  }

  /** Waits for a promise, while the work goes on. */
  async during<T>(what: string, work: Promise<T>): Promise<T> {
    let over = false;
    const settled = work.finally(() => (over = true));
    settled.catch(() => undefined);
    await this.until(what, () => over);
    return settled;
  }

  /** The moment of the `nth` fault: they are spread over the work, whatever its speed, each at a random place of its part. */
  async turn(nth: number): Promise<void> {
    const { tasks, faults } = this.settings;
    const share = ((nth + this.random.next()) / (faults + 1)) * tasks;
    await this.until(`fault ${nth + 1}`, () => this.history.ended.size >= share);
  }

  /** Resolves when tasks are done again, to how many milliseconds that is after `since`, a time of the epoch. */
  async resumption(since: number): Promise<number> {
    const at = (): number => this.history.lastDone?.at ?? 0;
    await this.until('the work to go on', () => at() > since);
    return at() - since;
  }

  /** The same for tasks that were published after `since`, so that nothing counts which was in hand before. */
  async throughput(since: number): Promise<number> {
    const { history } = this;
    const passed = (): boolean => (history.attempted.get(history.lastFirst?.task ?? '')?.at ?? 0) > since;
    await this.until('new tasks to get through', passed);
    return history.lastFirst!.start.at - since;
  }

  /** A consumer that does its work, by chance. */
  async anyConsumer(): Promise<Member> {
    const member = this.random.pick(this.fleet.consumers);
    await this.during('a consumer to start', member.ready);
    return member;
  }

  /** However long harm is done, no more tasks are published than were wanted: each that is remembered makes this process grow. */
  enough(): void {
    this.parts.supply.close();
  }

  /** Resolves when every task that was wanted is acknowledged and done for ever, those apart that `fault` makes die. */
  async finish({ deadly = () => false, copies = false }: Fault): Promise<void> {
    const { supply, history } = this.parts;
    this.enough();
    await this.until('all tasks to be published', () => supply.isComplete);
    const left = (set: ReadonlySet<string>): boolean =>
      [...history.acknowledged].some((task) => !set.has(task) && !deadly(task));
    await this.until('all tasks to be executed', () => !left(history.ended));
    // What was executed and not acknowledged comes back, and so do second copies; what was acknowledged right before a kill is
    // done unseen.
    const end = performance.now() + this.settings.lease + RETURN;
    await this.until('all tasks to be done', () => performance.now() > end || !(copies || left(history.done)));
  }

  /** Halts a process, as a debugger or a hypervisor would, while `work` is done. */
  async freeze<T>({ child, name }: Member, work: () => Promise<T>): Promise<T> {
    child.kill('SIGSTOP');
    await sleep(STANDSTILL);
    return this.harm(name, work, () => child.kill('SIGCONT'));
  }

  /** What happens while `work` is done is a fault of a process, or of all; `undo` ends it in any case. */
  async harm<T>(on: string, work: () => Promise<T>, undo: () => unknown): Promise<T> {
    const { ledger } = this.parts;
    ledger.write('fault', undefined, undefined, on);
    try {
      return await work();
    } finally {
      ledger.write('over', undefined, undefined, on);
      undo();
    }
  }

  #look(): void {
    for (const entry of this.parts.reader.read()) this.history.add(entry);
    this.parts.supply.supply();
  }
}
