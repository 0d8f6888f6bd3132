export interface Sample {
  readonly file: string;
  readonly text: string;
  /** Part of the one breach that the checker must report. */
  readonly says: string;
}

const breach = (file: string, text: string, says: string): Sample => ({ file, text, says });

/** Invented sources, each with one breach. */
export const BREACHES: readonly Sample[] = [
  // Layers.
  breach('contracts/task.ts', `import { gcra } from '../core/gcra.js';`, 'another layer'),
  breach('contracts/task.ts', `import type { Gcra } from '../core/gcra.js';`, 'another layer'),
  breach('contracts/task.ts', `import { EventEmitter } from 'node:events';`, 'its layer may not'),
  breach('contracts/policy.ts', `import { StandardSchemaV1 } from '@standard-schema/spec';`, 'its layer may not'),
  breach('core/worker.ts', `import { Injectable } from '@nestjs/common';`, 'its layer may not'),
  breach('core/worker.ts', `import { FunqModule } from '../nest/funq.module.js';`, 'another layer'),
  breach('core/worker.ts', `import { memory } from '../brokers/memory.js';`, 'another layer'),
  breach('core/worker.ts', `export type A = import('../brokers/memory.js').A;`, 'another layer'),
  breach('core/schedules/ticker.ts', `import { Cron } from 'croner';`, 'its layer may not'),
  breach('brokers/sqlite.ts', `import { FunqError } from '../core/errors.js';`, 'another layer'),
  breach('brokers/sqlite.ts', `export * from './memory.js';`, 'another layer'),
  breach('brokers/sqlite.ts', `import { Logger } from '@nestjs/common';`, 'its layer may not'),
  breach('brokers/sqlite.ts', `import Database from 'libsql';`, 'before it is needed'),
  breach('brokers/sqlite.ts', `import { DatabaseSync } from 'node:sqlite';`, 'before it is needed'),
  breach('brokers/memory.ts', `const load = () => import('libsql');`, 'not its own'),
  breach('brokers/memory.ts', `process.getBuiltinModule('node:sqlite');`, 'not its own'),
  breach('brokers/memory.ts', `import { createClient } from 'redis';`, 'its layer may not'),
  breach('brokers/memory/queue.ts', `import { SqlFile } from '../sqlite/file.js';`, 'another layer'),
  breach('brokers/support/inbox.ts', `import { SqlFile } from '../sqlite/file.js';`, 'another layer'),
  breach('brokers/sqlite/file.ts', `import { counts } from '../../stores/sqlite/counts.js';`, 'another layer'),
  breach('stores/memory.ts', `import { SqlFile } from '../brokers/sqlite/file.js';`, 'another layer'),
  breach('brokers/unknown.ts', `export const a = 1;`, 'table of clients'),
  breach('stores/memory.ts', `import { memory } from '../brokers/memory.js';`, 'another layer'),
  breach(
    'stores/memory.ts',
    `import { createRequire } from 'node:module';\ncreateRequire(import.meta.url)('libsql');`,
    'own',
  ),
  breach(
    'stores/memory.ts',
    `import { createRequire } from 'node:module';\nconst load = createRequire(import.meta.url);\nload('libsql');`,
    'not its own',
  ),
  breach('nest/funq.module.ts', `import { memory } from '../brokers/memory.js';`, 'another layer'),
  breach('nest/funq.module.ts', `import { Server } from '@nestjs/microservices';`, 'its layer may not'),
  breach('nest/funq.module.ts', `require('libsql');`, 'not its own'),
  breach('dashboard/dashboard.module.ts', `import { Server } from '@nestjs/microservices';`, 'its layer may not'),
  breach('testing/index.ts', `import { describe } from 'vitest';`, 'its layer may not'),
  breach('testing/index.ts', `import { memory } from '../brokers/memory.js';`, 'another layer'),
  breach('testing/conformance.ts', `import { FunqTesting } from './nest/funq-testing.js';`, 'another layer'),
  breach('testing/nest/pulse.ts', `import { Ledger } from '../broker/ledger.js';`, 'another layer'),
  breach('testing/nest/pulse.ts', `import { sqlite } from '../../brokers/sqlite.js';`, 'another layer'),
  breach('helpers/text.ts', `export const a = 1;`, 'belongs to no layer'),
  breach('core/worker.ts', `import manifest from '../../package.json';`, 'outside the library'),
  breach('core/worker.ts', `import { FunqModule } from 'nestjs-funq';`, 'its layer may not'),
  breach('core/worker.ts', `import { readFile } from 'fs/promises';`, `without 'node:'`),
  breach('index.ts', `export { memory } from './brokers/memory.js';`, 'not public'),
  breach('index.ts', `export { Worker } from './core/worker.js';`, 'not public'),
  breach('index.ts', `export const a = 1;`, 'more than re-exports'),
  // Habits.
  breach('core/worker.ts', `export default class Worker {}`, 'default export'),
  breach('core/worker.ts', `const a = 1;\nexport { a as default };`, 'default export'),
  breach('core/worker.ts', `const a = 1;\nexport default a;`, 'default export'),
  breach('core/worker.ts', 'export const a = 1;\n'.repeat(201), 'longer than 200 lines'),
  breach('core/worker.ts', `export const at = () => Date.now();`, 'Date.now'),
  breach('core/worker.ts', `export const at = () => new Date();`, 'present Date'),
  breach('core/worker.ts', `export const at = () => performance.now();`, 'performance.now'),
  breach('core/worker.ts', `export const at = () => process.hrtime.bigint();`, 'process.hrtime'),
  breach('core/worker.ts', `export const wait = () => setTimeout(() => 1, 5);`, 'setTimeout'),
  breach('core/worker.ts', `export const wait = () => globalThis.setInterval(() => 1, 5);`, 'setInterval'),
  breach('core/worker.ts', `export const limit = () => AbortSignal.timeout(5);`, 'AbortSignal.timeout'),
  breach('core/worker.ts', `import { setTimeout as sleep } from 'node:timers/promises';`, 'node:timers/promises'),
  breach('nest/consumer.runner.ts', `export const stop = () => process.exit(1);`, 'process.exit'),
  breach('core/policy.ts', `export const run = (text: string) => eval(text);`, 'eval'),
  breach('core/policy.ts', `export const run = (text: string) => new Function(text);`, 'Function'),
  breach('core/codec.ts', `import v8 from 'node:v8';\nexport const read = (b: Buffer) => v8.deserialize(b);`, 'v8'),
  breach('core/codec.ts', `import { deserialize } from 'node:v8';`, 'node:v8'),
  breach('core/codec.ts', `import { runInNewContext } from 'node:vm';`, 'node:vm'),
  breach('nest/broker.registry.ts', `export class A {\n  static count = 0;\n}`, 'static member'),
  breach('nest/broker.registry.ts', `export class A {\n  static readonly all = new Map();\n}`, 'static member'),
  breach('core/worker.ts', `let count = 0;`, 'module level'),
  breach('core/worker.ts', `export var count = 0;`, 'module level'),
];

/** Invented sources without a breach, close to the ones above. */
export const CLEAN: readonly Omit<Sample, 'says'>[] = [
  { file: 'contracts/policy.ts', text: `import type { StandardSchemaV1 } from '@standard-schema/spec';` },
  { file: 'contracts/policy.ts', text: `import { type StandardSchemaV1 } from '@standard-schema/spec';` },
  { file: 'contracts/task.ts', text: `import type { Envelope } from './envelope.js';` },
  { file: 'core/schedules/cron.ts', text: `import { Cron } from 'croner';` },
  { file: 'core/system-clock.ts', text: `export const now = () => Date.now();\nsetTimeout(() => new Date(), 1);` },
  {
    file: 'core/worker.ts',
    text: `// setTimeout(1); let x;\nexport const text = 'Date.now() import x from "libsql"';`,
  },
  { file: 'core/worker.ts', text: `export const day = (at: number) => new Date(at);\nclearTimeout(undefined);` },
  {
    file: 'core/worker.ts',
    text: `export class A {\n  static readonly kind = 'a';\n  static of() {\n    let x = 1;\n    return x;\n  }\n}`,
  },
  { file: 'brokers/sqlite.ts', text: `import type Database from 'libsql';\nconst load = () => import('libsql');` },
  { file: 'brokers/sqlite.ts', text: `process.getBuiltinModule('node:sqlite');` },
  {
    file: 'brokers/sqlite/file.ts',
    text: `import { createRequire } from 'node:module';\ncreateRequire('')('libsql');`,
  },
  {
    file: 'stores/sqlite/filter.ts',
    text: `import { a } from '../../brokers/sqlite/file.js';\nimport { b } from './counts.js';`,
  },
  { file: 'stores/sqlite.ts', text: `import { SqlFile } from '../brokers/sqlite/file.js';` },
  { file: 'nest/funq.module.ts', text: `import { Module } from '@nestjs/common';\nimport 'reflect-metadata';` },
  {
    file: 'nest/handler.ts',
    text: `import { map } from 'rxjs/operators';\nimport { Worker } from '../core/worker.js';`,
  },
  { file: 'microservice/funq.server.ts', text: `import { Server } from '@nestjs/microservices';` },
  { file: 'testing/manual-clock.ts', text: `import type { Clock } from '../contracts/clock.js';` },
  { file: 'index.ts', text: `export * from './contracts/task.js';\nexport { FunqError } from './core/errors.js';` },
  { file: 'core/worker.ts', text: 'export const a = 1;\n'.repeat(200) },
];
