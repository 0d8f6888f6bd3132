import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunqPublisher, JsonCodec, getBrokerToken, type AwayError, type Broker, type Delivery } from 'nestjs-funq';
import { BROKERS } from '../brokers.js';
import { createApp } from '../process/app.js';
import { FOLLOW_QUEUE, QUEUE, type ProcessOrder } from '../process/order.js';
import { ChaosPublisher } from '../process/publisher.js';
import { accountOf, breachesOf, type Account, type Leftovers } from './checker.js';
import type { Fault, Finding, Settings } from './fault.js';
import { Fleet } from './fleet.js';
import { History } from './history.js';
import { LedgerReader, LedgerWriter } from './ledger.js';
import { Random } from './random.js';
import { Rig } from './rig.js';
import { openSite, type Site } from './site.js';
import { Supply } from './supply.js';

export interface Plan {
  readonly broker: string;
  readonly fault: Fault;
  readonly settings: Settings;
  readonly seed: number;
}

export interface Result {
  readonly account: Account;
  readonly findings: readonly Finding[];
  readonly breaches: readonly string[];
  readonly seconds: number;
  /** Where the ledger and the output of the processes stand, if anything is wrong. */
  readonly kept: string | undefined;
}

/** The longest that a task's function takes, in milliseconds, where nothing else is asked for. */
const LONGEST = 5;
/** Milliseconds in which a queue shows what it holds; what processes held that were killed takes a lease longer. */
const LOOK = 1500;

/** Runs real processes on one broker, harms them, and makes up the account. */
export async function experiment(plan: Plan): Promise<Result> {
  const since = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'funq-chaos-'));
  const site = await openSite(plan.broker, plan.fault, folder);
  const restore = plan.fault.prepare?.(site.folder);
  let outcome: Pick<Result, 'account' | 'findings' | 'breaches'>;
  try {
    outcome = await inflicted(plan, folder, site);
  } finally {
    restore?.();
    await site.close();
  }
  const kept = outcome.breaches.length > 0 ? folder : undefined;
  if (!kept) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return { ...outcome, seconds: (performance.now() - since) / 1000, kept };
}

async function inflicted(
  { broker, fault, settings, seed }: Plan,
  folder: string,
  site: Site,
): Promise<Pick<Result, 'account' | 'findings' | 'breaches'>> {
  const { lease, maxBlock, longest = LONGEST } = settings;
  const place = {
    broker,
    folder: site.folder,
    url: site.url,
    namespace: site.namespace,
    ledger: join(folder, 'ledger.txt'),
  };
  const common = { ...place, lease, longest, seed, ...(maxBlock !== undefined && { maxBlock }) };
  const own: ProcessOrder = { ...common, name: 'controller', role: 'publisher' };
  const ledger = new LedgerWriter(common.ledger, own.name);
  const reader = new LedgerReader(common.ledger);
  const history = new History();
  const { follow = false, copies: noteClaims = false } = fault;
  const fleet = new Fleet({ ...common, follow, noteClaims }, folder, ledger);
  const farewell = (): void => fleet.killAll();
  process.once('exit', farewell);
  const app = await createApp(own);
  try {
    const supply = new Supply(fleet, history, settings.tasks);
    const publisher = new ChaosPublisher(app.get(FunqPublisher), ledger, own);
    const random = new Random(seed);
    const rig = new Rig({
      broker: BROKERS[broker]!,
      settings,
      site,
      fleet,
      history,
      supply,
      ledger,
      reader,
      random,
      publisher,
    });
    const { findings, stuck } = await work(rig, fault);
    await fleet.close();
    for (const entry of reader.read()) history.add(entry);
    const missing = [...history.acknowledged].some((task) => !history.ended.has(task));
    const looking = leftovers(app.get<Broker>(getBrokerToken('default')), missing ? lease + LOOK : LOOK);
    const left = await looking.catch((error: unknown) => {
      stuck.push(`what is left is unknown: ${String(error)}`);
      return { dead: [], queued: [] };
    });
    const account = accountOf(history, left);
    const deadly = [...history.acknowledged].filter((task) => fault.deadly?.(task)).length;
    const wrong = findings.filter(({ ok }) => ok === false).map(({ name, value }) => `${name}: ${value}`);
    return { account, findings, breaches: [...stuck, ...breachesOf(account, deadly), ...wrong] };
  } finally {
    await fleet.close();
    await app.close();
    ledger.close();
    process.off('exit', farewell);
  }
}

/** The processes at work, the harm, and the rest of the work. What stands still ends it, with a reason. */
async function work(rig: Rig, fault: Fault): Promise<{ findings: readonly Finding[]; stuck: string[] }> {
  try {
    const consumers = Array.from({ length: rig.settings.processes }, () => rig.fleet.start('consumer'));
    const members = [...consumers, rig.fleet.start('publisher')];
    await rig.during('the processes to start', Promise.all(members.map(({ ready }) => ready)));
    const findings = await fault.inflict(rig);
    await rig.finish(fault);
    return { findings, stuck: [] };
  } catch (error) {
    return { findings: [], stuck: [String(error)] };
  }
}

/** What the broker still holds when nobody works any more. */
async function leftovers(broker: Broker, patience: number): Promise<Leftovers> {
  const codec = new JsonCodec();
  const queues = [QUEUE, FOLLOW_QUEUE];
  const look = (names: readonly string[]) => Promise.all(names.map((queue) => contentOf(broker, queue, patience)));
  const [tasks, letters] = await Promise.all([look(queues), look(queues.map((queue) => `${queue}.dead`))]);
  return {
    queued: tasks.flat().map(({ body }) => codec.decode(body).id),
    dead: letters.flat().map(({ body }) => codec.decodeDeadLetter(body).envelope?.id ?? 'unreadable'),
  };
}

/** The connection of who only looks on may have been lost in a fault, which its first use tells. */
async function contentOf(broker: Broker, queue: string, patience: number, tries = 3): Promise<Delivery[]> {
  try {
    return await lookInto(broker, queue, patience);
  } catch (error) {
    if (tries === 1 || !(error as Partial<AwayError>).away) throw error;
    return contentOf(broker, queue, patience, tries - 1);
  }
}

/** Everything in a queue; nothing is taken from it. */
async function lookInto(broker: Broker, queue: string, patience: number): Promise<Delivery[]> {
  const subscription = await broker.subscribe(queue, { prefetch: 1_000_000, lease: 3_600_000 });
  const found: Delivery[] = [];
  const end = performance.now() + patience;
  for (let left = patience; left > 0; left = end - performance.now())
    found.push(...(await subscription.receive(1000, AbortSignal.timeout(Math.ceil(left)))));
  await subscription.close();
  return found;
}
