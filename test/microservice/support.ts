import type { INestMicroservice, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { randomUUID } from 'node:crypto';
import { lastValueFrom, toArray, type Observable } from 'rxjs';
import { onTestFinished } from 'vitest';
import type { Broker, EngineEvents, EventName } from 'nestjs-funq';
import { FunqClient, FunqServer, type FunqClientOptions, type FunqServerOptions } from 'nestjs-funq/microservice';
import { LogBook } from '../nest/support/log-book.js';

/** Opens the same place again and again: each has a broker of its own there. */
export type Place = () => Broker;

export interface Service {
  readonly app: INestMicroservice;
  readonly server: FunqServer;
  readonly log: LogBook;
  close(): Promise<void>;
}

/** Services and clients that meet in one place, with queues that no other test has. */
export class Stage {
  readonly prefix = `t${randomUUID().slice(0, 8)}.`;

  constructor(readonly place: Place) {}

  /** A service that listens; closed when the test has ended. */
  async serve(
    metadata: ModuleMetadata,
    options: Partial<FunqServerOptions> = {},
    configure: (app: INestMicroservice) => void = () => undefined,
  ): Promise<Service> {
    const log = new LogBook();
    const module = await Test.createTestingModule(metadata).setLogger(log).compile();
    const server = new FunqServer({ broker: this.place(), prefix: this.prefix, shutdownGrace: '2s', ...options });
    const app = module.createNestMicroservice({ strategy: server, logger: log });
    configure(app);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= app.close());
    onTestFinished(close);
    await app.listen();
    return { app, server, log, close };
  }

  client(options: Partial<FunqClientOptions> = {}): FunqClient {
    const client = new FunqClient({ broker: this.place(), prefix: this.prefix, timeout: '10s', ...options });
    onTestFinished(() => client.close());
    return client;
  }
}

export function all<T>(source: Observable<T>): Promise<T[]> {
  return lastValueFrom(source.pipe(toArray()));
}

/** What it fails with, and the values before that. */
export function failure(source: Observable<unknown>): Promise<{ values: unknown[]; error: unknown }> {
  const values: unknown[] = [];
  return new Promise((resolve, reject) =>
    source.subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => reject(new Error(`completed with ${JSON.stringify(values)}`)),
    }),
  );
}

/** The next event of the name, of a queue that ends so. */
export function once<K extends EventName>(server: FunqServer, event: K, queue = ''): Promise<EngineEvents[K]> {
  return new Promise((resolve) =>
    server.on(event, ((told: EngineEvents[K]) => {
      if (!('task' in told) || told.task?.queue.endsWith(queue)) resolve(told);
    }) as never),
  );
}
