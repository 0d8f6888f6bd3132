import { Injectable } from '@nestjs/common';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  Consumer,
  FunqDeadLetters,
  currentTask,
  getBrokerToken,
  type Broker,
  type ConsumerOptions,
  type Task,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { sqlite } from 'nestjs-funq/sqlite';
import { boot, type Booted, type Options } from '../nest/support/app.js';

export const BROKERS: readonly [string, () => Broker][] = [
  ['memory', () => memory()],
  ['sqlite', () => sqlite({ file: join(temporaryFolder(), 'funq.db') })],
];

export interface Graveyard extends Booted {
  readonly letters: FunqDeadLetters;
  readonly broker: Broker;
  /** What was executed so far. */
  readonly ran: Task[];
  /** From now on tasks succeed. */
  heal(): void;
  /** Publishes tasks and resolves when all of them are dead. */
  kill(argsList: readonly (readonly unknown[])[], queue?: string): Promise<void>;
  /** Resolves when so many more tasks are done. */
  done(count: number): Promise<void>;
}

/** An app whose consumers of `work` (and of `other`) fail until they are healed. */
export async function graveyard(
  broker: Broker,
  options: ConsumerOptions = {},
  rest: Options = {},
  other: ConsumerOptions = {},
): Promise<Graveyard> {
  const ran: Task[] = [];
  let healed = false;
  const work = (): void => {
    ran.push(currentTask()!);
    if (!healed) throw new Error('not yet');
  };
  @Injectable()
  class Work {
    @Consumer({ queue: 'work', ...options })
    async work(..._args: unknown[]): Promise<void> {
      work();
    }
    @Consumer({ queue: 'other', ...other })
    async other(..._args: unknown[]): Promise<void> {
      work();
    }
  }
  const booted = await boot({ providers: [Work] }, { brokers: { default: broker }, ...rest });
  const events = (name: 'dead' | 'done', count: number): Promise<void> =>
    new Promise((resolve) => {
      let left = count;
      const stop = booted.events.on(name, () => {
        if (--left > 0) return;
        stop();
        resolve();
      });
    });
  return {
    ...booted,
    letters: booted.app.get(FunqDeadLetters),
    broker: booted.app.get<Broker>(getBrokerToken()),
    ran,
    heal: () => void (healed = true),
    kill: async (argsList, queue = 'work') => {
      const dead = events('dead', argsList.length);
      // One after another, so that they die in this order.
      for (const args of argsList) await booted.funq.publish(queue, args);
      await dead;
    },
    done: (count) => events('done', count),
  };
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'funq-letters-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
