import type { INestApplication, INestApplicationContext, ModuleMetadata, Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import {
  FunqError,
  FunqEvents,
  FunqModule,
  FunqPublisher,
  type EngineEvents,
  type EventName,
  type FunqOptions,
  type FunqStatics,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { LogBook } from './log-book.js';

export type Options = Partial<FunqOptions & FunqStatics>;

export interface Booted {
  readonly app: TestingModule;
  readonly funq: FunqPublisher;
  readonly events: FunqEvents;
  readonly log: LogBook;
  /** Ends the app, moving its clock on when that stands still. */
  close(): Promise<void>;
}

/** An app with FunqModule on a broker in memory; closed when the test has ended. */
export async function boot(metadata: ModuleMetadata, options: Options = {}): Promise<Booted> {
  return bootModule({ ...metadata, imports: [funqModule(options), ...(metadata.imports ?? [])] }, options.clock);
}

/** The same with FunqModule among the imports already. */
export async function bootModule(metadata: ModuleMetadata, clock?: FunqOptions['clock']): Promise<Booted> {
  const log = new LogBook();
  const app = await Test.createTestingModule(metadata).setLogger(log).compile();
  const close = once(() => closing(app, clock));
  await started(app, close);
  return { app, funq: app.get(FunqPublisher), events: app.get(FunqEvents), log, close };
}

/** The same as an application with everything that `app.useGlobal…()` sets. */
export async function bootGlobal(
  metadata: ModuleMetadata,
  configure: (app: INestApplication) => void,
  options: Options = {},
): Promise<Booted> {
  const log = new LogBook();
  const imports = [funqModule(options), ...(metadata.imports ?? [])];
  const module = await Test.createTestingModule({ ...metadata, imports })
    .setLogger(log)
    .compile();
  const app = module.createNestApplication({ logger: log });
  const close = once(() => closing(app, options.clock));
  configure(app);
  await started(app, close);
  return { app: module, funq: app.get(FunqPublisher), events: app.get(FunqEvents), log, close };
}

/** What the start of such an app was refused with. */
export async function refusal(metadata: ModuleMetadata, options: Options = {}): Promise<FunqError> {
  return refused(() => boot(metadata, options));
}

export async function refused(start: () => unknown): Promise<FunqError> {
  try {
    await start();
  } catch (error) {
    if (error instanceof FunqError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

export function funqModule(options: Options = {}): ReturnType<typeof FunqModule.forRoot> {
  return FunqModule.forRoot({ brokers: { default: memory() }, ...options });
}

/** The next `count` events of a name. */
export function collect<K extends EventName>(events: FunqEvents, name: K, count: number): Promise<EngineEvents[K][]> {
  const found: EngineEvents[K][] = [];
  return new Promise((resolve) => {
    const stop = events.on(name, (event) => {
      found.push(event);
      if (found.length < count) return;
      stop();
      resolve(found);
    });
  });
}

/** Publishes what `send` says and resolves when its task is done. */
export async function done(events: FunqEvents, send: () => Promise<string>): Promise<EngineEvents['done']> {
  const ended = events.next('done');
  await send();
  return ended;
}

/** The dead letter of what `send` publishes. */
export async function dead(events: FunqEvents, send: () => Promise<string>): Promise<EngineEvents['dead']> {
  const ended = events.next('dead');
  await send();
  return ended;
}

/** A promise with its ends outside: handlers open it, tests wait for it, or the other way round. */
export function signal<T = void>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that is ready run: several turns of the event loop, and no time. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export function instance<T>(app: TestingModule, type: Type<T>): T {
  return app.get(type, { strict: false });
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let acted: Promise<T> | undefined;
  return () => (acted ??= act());
}

/** Closed in any case; an app whose start was refused may refuse to close as well, with the same error. */
async function started(app: INestApplicationContext, close: () => Promise<void>): Promise<void> {
  let refused = true;
  onTestFinished(() => close().catch((error: unknown) => (refused ? undefined : Promise.reject(error as Error))));
  await app.init();
  refused = false;
}

async function closing(app: INestApplicationContext, clock: FunqOptions['clock']): Promise<void> {
  let closed = false;
  const ended = app.close().finally(() => (closed = true));
  while (clock instanceof ManualClock && !closed) await clock.advance(1000);
  await ended;
}
