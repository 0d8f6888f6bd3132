import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern } from '@nestjs/microservices';
import { EMPTY, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import type { FunqContext } from 'nestjs-funq/microservice';
import { signal, turns } from '../nest/support/app.js';
import { Seen } from './services.js';
import { Stage, all, once } from './support.js';

function stage(): Stage {
  const queues: MemoryQueues = new Map();
  return new Stage(() => memory({ queues }));
}

describe('handlers of one event', () => {
  it('have all ended before one that failed is tried again', async () => {
    const open = signal();
    const seen = new Seen();
    let [running, most] = [0, 0];
    @Controller()
    class Two {
      @EventPattern('x', { retry: 1 })
      quick(_data: unknown, @Ctx() context: unknown): void {
        const { attempt } = (context as FunqContext).getTask();
        seen.add(`quick ${attempt}`);
        if (attempt === 1) throw new Error('not yet');
      }
      @EventPattern('x')
      async slow(_data: unknown): Promise<void> {
        most = Math.max(most, ++running);
        await open.promise;
        running--;
      }
    }
    const here = stage();
    const { server } = await here.serve({ controllers: [Two] });
    const done = once(server, 'done');
    here.client().emit('x', 1);
    await seen.many(1);
    await turns();
    expect(seen.values).toEqual(['quick 1']);
    open.resolve();
    await done;
    expect([most, seen.values]).toEqual([1, ['quick 1', 'quick 2']]);
  });

  it('are none of a request, which has one', async () => {
    @Controller()
    class Two {
      @MessagePattern('x')
      one(data: number): number {
        return data + 1;
      }
      @EventPattern('x')
      two(_data: unknown): void {}
    }
    const here = stage();
    await here.serve({ controllers: [Two] });
    expect(await all(here.client().send('x', 1))).toEqual([2]);
  });

  it('count each, also beside one that ends without a value', async () => {
    @Controller()
    class Two {
      @EventPattern('x')
      empty(_data: unknown): Observable<never> {
        return EMPTY;
      }
      @EventPattern('x')
      async failing(_data: unknown): Promise<void> {
        await turns();
        throw new Error('not done');
      }
    }
    const here = stage();
    const { server } = await here.serve({ controllers: [Two] });
    const ended = Promise.race([once(server, 'done'), once(server, 'dead')]);
    here.client().emit('x', 1);
    expect(await ended).toMatchObject({ letter: { code: 'failed' } });
  });
});
