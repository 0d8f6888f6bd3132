import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, RpcException } from '@nestjs/microservices';
import { Observable, from, type Subscriber } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { FunqExceptionFilter, type FunqContext } from 'nestjs-funq/microservice';
import { signal, turns } from '../nest/support/app.js';
import { Stage, all, failure } from './support.js';

function stage(): Stage {
  const queues: MemoryQueues = new Map();
  return new Stage(() => memory({ queues }));
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('another run of a stream', () => {
  it('has nothing in it of a run that had more values under way than may wait', async () => {
    @Controller()
    class Push {
      @MessagePattern('push', { retry: 1 })
      push(_data: unknown, @Ctx() context: FunqContext): Observable<number> {
        return from(numbers(context.getTask().attempt === 1 ? 100 : 8));
      }
    }
    const here = stage();
    await here.serve({ controllers: [Push] }, { maxBuffer: 10 });
    expect(await all(here.client().send('push', 1))).toEqual(numbers(8));
  });

  it('has nothing in it of a run whose time was over before it had its stream', async () => {
    const [late, second] = [signal<Observable<string>>(), signal<Subscriber<string>>()];
    @Controller()
    class Slow {
      @MessagePattern('slow', { timeout: 1000, retry: 1 })
      slow(_data: unknown, @Ctx() context: FunqContext): unknown {
        if (context.getTask().attempt === 1) return late.promise;
        return new Observable<string>((subscriber) => second.resolve(subscriber));
      }
    }
    const clock = new ManualClock();
    const here = stage();
    await here.serve({ controllers: [Slow] }, { clock });
    const heard = all(here.client({ clock }).send('slow', 1));
    await turns();
    await clock.advance(1000);
    const subscriber = await second.promise;
    subscriber.next('a');
    await turns();
    late.resolve(from(['x', 'y', 'z']));
    await turns();
    subscriber.next('b');
    subscriber.complete();
    expect(await heard).toEqual(['a', 'b']);
  });
});

describe('a source of its own making', () => {
  it('that has no promise to end with fails with what it failed with', async () => {
    @Controller()
    class Made {
      @MessagePattern('made')
      made(_data: unknown): unknown {
        const iterator = {
          next: () => Promise.reject(new RpcException('the very error')),
          return: () => ({ done: true, value: undefined }),
        };
        return { [Symbol.asyncIterator]: () => iterator };
      }
    }
    const here = stage();
    await here.serve({ controllers: [Made] }, {}, (app) => app.useGlobalFilters(new FunqExceptionFilter()));
    expect((await failure(here.client().send('made', 1))).error).toMatchObject({ message: 'the very error' });
  });
});
