import {
  Global,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqModule, FunqPublisher } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { boot, bootModule, signal, turns } from '../support/app.js';

let log: string[] = [];
let open = signal();

/** Something that consumers use, such as a connection pool. */
function pool(name: string): new () => OnModuleDestroy & { use(): void } {
  @Injectable()
  class Pool
    implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
  {
    #open = false;
    async onModuleInit(): Promise<void> {
      await turns(3);
    }
    async onApplicationBootstrap(): Promise<void> {
      await turns(3);
      this.#open = true;
      log.push(`${name} up`);
    }
    onModuleDestroy(): void {
      this.#open = false;
      log.push(`${name} destroyed`);
    }
    beforeApplicationShutdown(): void {
      log.push(`${name} before shutdown`);
    }
    onApplicationShutdown(): void {
      log.push(`${name} shut down`);
    }
    use(): void {
      if (!this.#open) throw new Error(`${name} is closed`);
    }
  }
  return Pool;
}

const [GlobalPool, DeepPool, RootPool] = [pool('global'), pool('deep'), pool('root')];
type Usable = InstanceType<typeof GlobalPool>;

@Global()
@Module({ providers: [{ provide: 'GLOBAL', useClass: GlobalPool }], exports: ['GLOBAL'] })
class GlobalModule {}

@Module({ providers: [{ provide: 'DEEP', useClass: DeepPool }], exports: ['DEEP'] })
class DeepModule {}

@Module({ imports: [DeepModule], exports: [DeepModule] })
class MiddleModule {}

class Job {
  uses: Usable[] = [];
  funq: FunqPublisher | undefined;
  @Consumer('jobs')
  async run(): Promise<void> {
    log.push('started');
    for (const used of this.uses) used.use();
    await open.promise;
    for (const used of this.uses) used.use();
    await this.funq!.publish('follow-up');
    log.push('ended');
  }
}

const job = {
  provide: Job,
  useFactory: (...args: [Usable, Usable, Usable, FunqPublisher]): Job =>
    Object.assign(new Job(), { uses: args.slice(0, 3), funq: args[3] }),
  inject: ['GLOBAL', 'DEEP', 'ROOT', FunqPublisher],
};
const metadata = {
  imports: [GlobalModule, MiddleModule],
  providers: [{ provide: 'ROOT', useClass: RootPool }, job],
};

describe('the life of an app with several modules', () => {
  it('starts the workers when everything is up, and stops them before anything goes down', async () => {
    log = [];
    open = signal();
    const queues = new Map();
    const before = await boot({}, { brokers: { default: memory({ queues }) } });
    await before.funq.publish('jobs');
    await before.close();
    const { app, events } = await boot(metadata, { brokers: { default: memory({ queues }) } });
    await turns();
    expect(log.slice(0, 3).toSorted()).toEqual(['deep up', 'global up', 'root up']);
    expect(log[3]).toBe('started');
    const done = events.next('done');
    const closing = app.close();
    await turns();
    expect(log).toHaveLength(4);
    open.resolve();
    await done;
    await closing;
    expect(log[4]).toBe('ended');
    const rest = log.slice(5);
    expect(rest.slice(0, 3).every((line) => line.endsWith('destroyed'))).toBe(true);
    expect(rest.slice(3, 6).every((line) => line.endsWith('before shutdown'))).toBe(true);
    expect(rest.slice(6).every((line) => line.endsWith('shut down'))).toBe(true);
    expect(rest).toHaveLength(9);
  });

  it.each([
    [
      'deep below',
      (funq: ReturnType<typeof FunqModule.forRoot>) => {
        @Module({ imports: [funq] })
        class Lower {}
        @Module({ imports: [Lower] })
        class Upper {}
        return [Upper];
      },
    ],
    ['last', (funq: ReturnType<typeof FunqModule.forRoot>) => [funq]],
  ])('the same wherever the module is imported: %s', async (_name, place) => {
    log = [];
    open = signal();
    const funq = FunqModule.forRoot({ brokers: { default: memory() } });
    const {
      app,
      events,
      funq: publisher,
    } = await bootModule({
      ...metadata,
      imports: [...metadata.imports, ...place(funq)],
    });
    const started = events.next('started');
    await publisher.publish('jobs');
    await started;
    const done = events.next('done');
    const closing = app.close();
    await turns();
    open.resolve();
    await done;
    await closing;
    expect(log.indexOf('ended')).toBeLessThan(log.findIndex((line) => line.endsWith('destroyed')));
  });

  it('publishing works from onModuleInit of any module to onModuleDestroy of any module', async () => {
    const ids: string[] = [];
    @Injectable()
    class Talkative implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
      constructor(private readonly funq: FunqPublisher) {}
      async onModuleInit(): Promise<void> {
        ids.push(await this.funq.publish('talk'));
      }
      async onApplicationBootstrap(): Promise<void> {
        ids.push(await this.funq.publish('talk'));
      }
      async onModuleDestroy(): Promise<void> {
        ids.push(await this.funq.publish('talk'));
      }
      async beforeApplicationShutdown(): Promise<void> {
        ids.push(await this.funq.publish('talk'));
      }
    }
    @Module({ providers: [Talkative] })
    class Deep {}
    @Module({ imports: [Deep] })
    class Middle {}
    const { close, log: book } = await boot({ imports: [Middle] });
    await close();
    expect([ids.length, book.lines.filter(({ level }) => level === 'error')]).toEqual([4, []]);
  });
});
