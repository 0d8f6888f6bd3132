import { Controller, Get, Inject, Injectable, Logger, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxy, ClientsModule, EventPattern, MessagePattern } from '@nestjs/microservices';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Consumer, FunqModule, FunqPublisher, type Broker } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { FunqClient, FunqExceptionFilter, FunqServer, FunqRecord } from 'nestjs-funq/microservice';
import { signal, turns } from '../nest/support/app.js';
import { limited, publishingBy } from '../nest/support/brokers.js';
import { LogBook } from '../nest/support/log-book.js';
import { Seen, Sums } from './services.js';
import { Stage, all } from './support.js';

@Injectable()
class Mails {
  readonly seen = new Seen();

  @Consumer('mails')
  send(to: string): string {
    this.seen.add(to);
    return `sent to ${to}`;
  }
}

@Controller()
class Orders {
  readonly seen = new Seen();

  constructor(private readonly funq: FunqPublisher) {}

  @MessagePattern('order')
  async order(to: string): Promise<string> {
    return this.funq.ask(Mails).send(to);
  }

  @EventPattern('paid')
  paid(data: unknown): void {
    this.seen.add(data);
  }
}

function workerModule(queues: MemoryQueues): Type {
  @Module({
    imports: [FunqModule.forRoot({ brokers: { default: memory({ queues }) } })],
    controllers: [Orders],
    providers: [Mails],
  })
  class AppModule {}
  return AppModule;
}

const QUIET = { logger: false } as const;

/** A worker by its strategy alone, and a client of it. */
async function startWorker() {
  const queues: MemoryQueues = new Map();
  const app = await NestFactory.createMicroservice(workerModule(queues), {
    strategy: new FunqServer({ broker: memory({ queues }) }),
    ...QUIET,
  });
  onTestFinished(() => app.close());
  await app.listen();
  const client = new FunqClient({ broker: memory({ queues }) });
  onTestFinished(() => client.close());
  return { app, client };
}

describe('an app', () => {
  it('is a worker by its strategy alone, and runs its consumers, too', async () => {
    const { app, client } = await startWorker();
    expect(await all(client.send('order', 'a@b.c'))).toEqual(['sent to a@b.c']);
    expect(app.get(Mails).seen.values).toEqual(['a@b.c']);
  });

  it('is a hybrid: HTTP, consumers and patterns in one process', async () => {
    const queues: MemoryQueues = new Map();
    const CLIENT = Symbol('client');

    @Controller()
    class Web {
      constructor(@Inject(CLIENT) private readonly client: ClientProxy) {}
      @Get('order')
      order(): Observable<string> {
        return this.client.send<string>('order', 'by http');
      }
    }
    @Module({
      imports: [
        workerModule(queues),
        ClientsModule.register([{ name: CLIENT, customClass: FunqClient, options: { broker: memory({ queues }) } }]),
      ],
      controllers: [Web],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, QUIET);
    onTestFinished(() => app.close());
    app.connectMicroservice({ strategy: new FunqServer({ broker: memory({ queues }) }) });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/order`)).text()).toBe('sent to by http');
  });

  it('gets a client by ClientsModule.registerAsync, which is closed with the app', async () => {
    const broker = memory();
    @Module({
      imports: [
        ClientsModule.registerAsync([
          { name: 'SHOP', useFactory: () => ({ customClass: FunqClient, options: { broker, timeout: 100 } }) },
        ]),
      ],
    })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, QUIET);
    const client = app.get<FunqClient>('SHOP');
    await all(client.emit('paid', 1));
    expect(client.unwrap()).toBe(broker);
    await app.close();
    await expect(all(client.emit('paid', 1))).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await expect(all(client.send('order', 1))).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
  });
});

describe('the exception filter of an app that has consumers, too', () => {
  it("leaves their callers what was thrown, and does not log it as one of Nest's own", async () => {
    @Injectable()
    class Failing {
      @Consumer('failing')
      run(_data: unknown): never {
        throw new TypeError('the very error');
      }
    }
    const log = new LogBook();
    const app = await NestFactory.createMicroservice(
      { module: class {}, imports: [FunqModule.forRoot({ brokers: { default: memory() } })], providers: [Failing] },
      { strategy: new FunqServer({ broker: memory() }), logger: log },
    );
    onTestFinished(() => app.close());
    app.useGlobalFilters(new FunqExceptionFilter());
    await app.listen();
    await expect(app.get(FunqPublisher).ask('failing', [1])).rejects.toMatchObject({
      remoteName: 'TypeError',
      message: 'the very error',
    });
    expect(log.lines.filter(({ context }) => context === 'RpcExceptionsHandler')).toEqual([]);
  });
});

describe('messages and tasks are the same', () => {
  it('a publisher reaches patterns, a client reaches consumers', async () => {
    const { app, client } = await startWorker();
    const funq = app.get(FunqPublisher);
    expect(await funq.ask('order', ['by ask'])).toBe('sent to by ask');
    await funq.publish('paid', [{ id: 1 }]);
    expect(await app.get(Orders).seen.many(1)).toEqual([{ id: 1 }]);
    expect(await all(client.send('mails', 'by send'))).toEqual(['sent to by send']);
  });

  it('a record has options of its own', async () => {
    const stage = new Stage(() => memory());
    const queues: MemoryQueues = new Map();
    const broker = (): ReturnType<typeof memory> => memory({ queues });
    await stage.serve({ controllers: [Sums] }, { broker: broker() });
    const client = stage.client({ broker: broker() });
    const record = new FunqRecord('x', { id: 'order-17', headers: { tenant: 'a' }, priority: 3 });
    expect(await lastValueFrom(client.send('context', record))).toMatchObject({
      data: 'x',
      id: 'order-17',
      headers: { tenant: 'a' },
    });
    await expect(all(client.emit('context', new FunqRecord(1, { delay: 'soon' })))).rejects.toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
    });
  });
});

describe('a record with a transaction', () => {
  const transaction = {};
  const place = () => {
    const inner = memory();
    const within: unknown[] = [];
    const publishWithin: Broker['publishWithin'] = (given, queue, messages) => {
      within.push(given);
      return inner.publish(queue, messages);
    };
    const client = new FunqClient({ broker: { ...inner, publishWithin } });
    onTestFinished(() => client.close());
    return { client, within };
  };

  it('is emitted within it', async () => {
    const { client, within } = place();
    await all(client.emit('paid', new FunqRecord(1, { transaction })));
    expect(within).toEqual([transaction]);
  });

  it('is refused where it can not be: by a broker without any, and with an answer', async () => {
    const { client, within } = place();
    const plain = new FunqClient({ broker: memory() });
    onTestFinished(() => plain.close());
    const record = new FunqRecord(1, { transaction });
    await expect(all(plain.emit('paid', record))).rejects.toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
    await expect(all(client.send('order', record))).rejects.toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
    expect(within).toEqual([]);
  });
});

describe('an emit that nobody listens to', () => {
  it('is told in the log when it was not stored, and when the broker could not even be opened', async () => {
    const log = new LogBook();
    Logger.overrideLogger(log);
    onTestFinished(() => Logger.overrideLogger(['log', 'error', 'warn', 'debug', 'verbose', 'fatal']));
    const full = new FunqClient({ broker: publishingBy(() => () => Promise.reject(new Error('full'))) });
    const shut = new FunqClient({ broker: { ...memory(), connect: () => Promise.reject(new Error('no entry')) } });
    onTestFinished(async () => void (await Promise.all([full.close(), shut.close()])));
    full.emit('paid', 1);
    shut.emit({ cmd: 'paid' }, 1);
    await turns();
    expect(log.find('event paid was not stored').map(({ text }) => text)).toEqual([expect.stringContaining('full')]);
    expect(log.find('event {"cmd":"paid"} was not stored')).toHaveLength(1);
    expect(log.find('no entry')).toHaveLength(1);
  });
});

describe('a client that is closed', () => {
  /** A broker that tells whether it is open. */
  const watched = (connecting: Promise<unknown> = Promise.resolve()) => {
    const inner = memory();
    const state = { open: false };
    const broker: Broker = {
      ...inner,
      connect: async (context) => {
        await connecting;
        await inner.connect(context);
        state.open = true;
      },
      close: async () => {
        await inner.close();
        state.open = false;
      },
    };
    return { broker, state };
  };

  it('opens nothing any more', async () => {
    const { broker, state } = watched();
    const client = new FunqClient({ broker });
    await client.close();
    await expect(client.connect()).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await expect(all(client.emit('paid', 1))).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    await expect(all(client.send('order', 1))).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    expect(state.open).toBe(false);
  });

  it('while it opens its broker leaves nothing open, and does not tell that it is connected', async () => {
    const opening = signal();
    const { broker, state } = watched(opening.promise);
    const client = new FunqClient({ broker });
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    const refused = expect(client.connect()).rejects.toMatchObject({ code: 'FUNQ_CLOSED' });
    const closing = client.close();
    opening.resolve();
    await refused;
    await closing;
    expect(state.open).toBe(false);
    expect(statuses).toEqual(['disconnected']);
  });

  it('is no server, which opens nothing either', async () => {
    const { broker, state } = watched();
    const server = new FunqServer({ broker });
    await server.close();
    expect(await new Promise((heard) => void server.listen(heard))).toMatchObject({ code: 'FUNQ_CLOSED' });
    expect(state.open).toBe(false);
  });
});

describe('status, on and unwrap', () => {
  it('tell of the connection, on both sides', async () => {
    const queues: MemoryQueues = new Map();
    const stage = new Stage(() => memory({ queues }));
    const broker = stage.place();
    const { server, app, close } = await stage.serve({ controllers: [Sums] }, { broker });
    const client = stage.client();
    const told: string[] = [];
    server.status.subscribe((status) => told.push(`server ${status}`));
    client.status.subscribe((status) => told.push(`client ${status}`));
    await client.connect();
    expect(server.unwrap()).toBe(broker);
    expect(app.unwrap()).toBe(broker);
    await client.close();
    await close();
    expect(told).toEqual(['server connected', 'client connected', 'client disconnected', 'server disconnected']);
  });

  it('tell of a broker that fails, and works again', async () => {
    const inner = memory();
    let failing = true;
    const broker = {
      ...inner,
      subscribe: (...args: Parameters<typeof inner.subscribe>) =>
        failing ? Promise.reject(new Error('gone')) : inner.subscribe(...args),
    };
    const server = new FunqServer({ broker });
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const failed = new Promise<Error>((resolve) => server.on('error', resolve));
    const recovered = new Promise((resolve) => server.on('recovered', resolve));
    server.addHandler('x', () => Promise.resolve(1) as never);
    onTestFinished(() => server.close());
    await server.listen(() => undefined);
    expect(await failed).toMatchObject({ message: 'gone' });
    failing = false;
    await inner.publish('x', [{ id: '1', body: Buffer.from('') }]);
    await recovered;
    expect(statuses).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('tell that a broker works again when it does for every queue', async () => {
    const inner = memory();
    const failing = new Set(['a', 'b']);
    const broker: Broker = {
      ...inner,
      subscribe: (queue, options) =>
        failing.has(queue) ? Promise.reject(new Error(`no ${queue}`)) : inner.subscribe(queue, options),
    };
    const server = new FunqServer({ broker });
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const recovered = { a: signal(), b: signal() };
    server.on('recovered', ({ queue }) => recovered[queue as 'a'].resolve());
    for (const name of failing) server.addHandler(name, () => Promise.resolve(1) as never);
    onTestFinished(() => server.close());
    await server.listen(() => undefined);
    for (const queue of ['a', 'b'] as const) {
      failing.delete(queue);
      await inner.publish(queue, [{ id: queue, body: Buffer.from('') }]);
      await recovered[queue].promise;
      expect(statuses).toEqual(
        queue === 'a' ? ['connected', 'disconnected'] : ['connected', 'disconnected', 'connected'],
      );
    }
  });

  it('an emit that was not stored rejects, and so does a send', async () => {
    const client = new FunqClient({ broker: publishingBy(() => () => Promise.reject(new Error('full'))) });
    onTestFinished(() => client.close());
    await expect(all(client.emit('x', 1))).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
    await expect(firstValueFrom(client.send('x', 1))).rejects.toMatchObject({ code: 'FUNQ_PUBLISH_FAILED' });
  });

  it('a broker that can not be opened is refused by listen and by connect, which may be tried again', async () => {
    let opened = 0;
    const broker = {
      ...limited({}),
      connect: () => (++opened > 1 ? Promise.resolve() : Promise.reject(new Error('no'))),
    };
    const client = new FunqClient({ broker });
    await expect(client.connect()).rejects.toMatchObject({ code: 'FUNQ_BROKER_UNAVAILABLE' });
    await expect(client.connect()).resolves.toBe(broker);
    opened = 0;
    const app = await NestFactory.createMicroservice(class {}, { strategy: new FunqServer({ broker }), ...QUIET });
    await expect(app.listen()).rejects.toMatchObject({ code: 'FUNQ_BROKER_UNAVAILABLE' });
  });

  it('a server that is closed while it opens its broker serves nothing', async () => {
    const opening = signal();
    const broker = { ...limited({}), connect: () => opening.promise };
    const subscribe = vi.spyOn(broker, 'subscribe');
    const server = new FunqServer({ broker });
    server.addHandler('sum', () => Promise.resolve(1));
    const heard = new Promise((resolve) => void server.listen(resolve));
    await server.close();
    opening.resolve();
    expect(await heard).toMatchObject({ code: 'FUNQ_CLOSED' });
    expect(subscribe).not.toHaveBeenCalled();
  });
});
