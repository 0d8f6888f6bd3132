import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FunqModule, FunqPublisher, type Broker } from 'nestjs-funq';
import { FunqClient } from 'nestjs-funq/microservice';
import { lastValueFrom } from 'rxjs';
import { BROKERS, type Place } from '../brokers.js';
import type { ProcessOrder } from './order.js';
import { ASK_QUEUE, SEND_PATTERN } from './rpc.callee.js';

/** Milliseconds that each call waits. */
export const TIMEOUT = 3000;
/** Calls at once of a caller that is killed some time. */
const WIDTH = 100;

/** What became of calls. */
export interface Outcomes {
  readonly answered: number;
  readonly timedOut: number;
  /** Settled in another way, or with another one's answer. */
  readonly wrong: number;
  /** Milliseconds of the call that took the longest. */
  readonly worst: number;
}

type Settled = { readonly as: 'answered' | 'timedOut' | 'wrong'; readonly ms: number };

/** By name, with the broker that it is on. */
type ReplyQueues = ReadonlyMap<string, Broker>;

/** Calls services both ways: half by `send()`, half by `ask()`. */
export class RpcCaller {
  #count = 0;

  private constructor(
    private readonly app: INestApplicationContext,
    private readonly client: FunqClient,
    /** All that were ever opened. */
    readonly replyQueues: ReplyQueues,
  ) {}

  static async open({ broker, ...place }: Pick<ProcessOrder, 'broker' | keyof Place>): Promise<RpcCaller> {
    const queues = new Map<string, Broker>();
    const open = async (): Promise<Broker> => noting(await BROKERS[broker]!.open(place), queues);
    @Module({
      imports: [FunqModule.forRoot({ brokers: { default: await open() }, replyTimeout: TIMEOUT, consume: false })],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'fatal'] });
    return new RpcCaller(app, new FunqClient({ broker: await open(), timeout: TIMEOUT }), queues);
  }

  /** Resolves when all of `count` concurrent calls have settled. */
  async call(count: number): Promise<Outcomes> {
    const settled = await Promise.all(Array.from({ length: count }, () => this.#one()));
    const of = (as: Settled['as']): number => settled.filter((each) => each.as === as).length;
    const worst = settled.reduce((most, { ms }) => Math.max(most, ms), 0);
    return { answered: of('answered'), timedOut: of('timedOut'), wrong: of('wrong'), worst };
  }

  /** How many replies wait for this process. */
  async waiting(): Promise<number> {
    const counts = await Promise.all([...this.replyQueues].map(([queue, broker]) => broker.count?.(queue) ?? 0));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.app.close();
  }

  async #one(): Promise<Settled> {
    const question = ++this.#count;
    const since = performance.now();
    const answer = question % 2 === 0 ? this.#send(question) : this.app.get(FunqPublisher).ask(ASK_QUEUE, [question]);
    const as = await answer.then(
      (value) => (value === -question ? 'answered' : 'wrong'),
      (error: { code?: string }) => (error.code === 'FUNQ_REPLY_TIMEOUT' ? 'timedOut' : 'wrong'),
    );
    return { as, ms: performance.now() - since };
  }

  #send(question: number): Promise<unknown> {
    return lastValueFrom(this.client.send(SEND_PATTERN, question));
  }
}

/** Neither of the two clients consumes anything but its replies. */
function noting(broker: Broker, queues: Map<string, Broker>): Broker {
  const subscribe: Broker['subscribe'] = (queue, options) => {
    queues.set(queue, broker);
    return broker.subscribe(queue, options);
  };
  return { ...broker, subscribe };
}

/** Calls again and again, until the process is killed; tells its parent what became of each batch. */
export async function keepCalling(order: ProcessOrder): Promise<void> {
  const caller = await RpcCaller.open(order);
  for (;;) process.send!(await caller.call(WIDTH));
}
