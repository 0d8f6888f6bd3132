import {
  BadRequestException,
  Catch,
  Controller,
  Inject,
  Injectable,
  ParseIntPipe,
  Scope,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException, type RequestContext } from '@nestjs/microservices';
import { lastValueFrom, map, of, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { DeadLetterError, RequeueError, currentTask } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { FunqContext, FunqExceptionFilter } from 'nestjs-funq/microservice';
import { Seen, Streams, Sums } from './services.js';
import { Stage, all, failure, once } from './support.js';

function stage(): Stage {
  const queues: MemoryQueues = new Map();
  return new Stage(() => memory({ queues }));
}

describe('the pipeline of Nest', () => {
  it('stands around a handler: guards, interceptors, pipes, filters of the app', async () => {
    const order: string[] = [];
    const guard: CanActivate = {
      canActivate(context: ExecutionContext) {
        order.push(`guard ${context.getType()} ${context.switchToRpc().getContext<FunqContext>().getPattern()}`);
        return context.switchToRpc().getData() !== 'forbidden';
      },
    };
    const interceptor: NestInterceptor = {
      intercept: (_context, next) => {
        order.push('interceptor');
        return next.handle().pipe(map((value: unknown) => `intercepted ${String(value)}`));
      },
    };
    @Catch(BadRequestException)
    class Filter implements ExceptionFilter {
      catch(error: BadRequestException): Observable<string> {
        return of(`filtered ${error.message}`);
      }
    }
    @Controller()
    class Numbers {
      @MessagePattern('double')
      double(@Payload(ParseIntPipe) n: number): number {
        return n * 2;
      }
    }
    const here = stage();
    await here.serve({ controllers: [Numbers] }, {}, (app) =>
      app.useGlobalGuards(guard).useGlobalInterceptors(interceptor).useGlobalFilters(new Filter()),
    );
    const client = here.client();
    expect(await all(client.send('double', '21'))).toEqual(['intercepted 42']);
    expect(order).toEqual(['guard rpc double', 'interceptor']);
    expect(await all(client.send('double', 'x'))).toEqual([expect.stringMatching(/^filtered Validation failed/)]);
    expect((await failure(client.send('double', 'forbidden'))).error).toEqual({
      status: 'error',
      message: 'Forbidden resource',
    });
  });

  it('leaves streams as they are, behind interceptors too', async () => {
    const here = stage();
    const passing: NestInterceptor = { intercept: (_context, next) => next.handle() };
    await here.serve({ controllers: [Streams] }, {}, (app) => app.useGlobalInterceptors(passing));
    const client = here.client();
    expect(await all(client.send('generate', 3))).toEqual([0, 1, 2]);
    expect(await all(client.send('count', 3))).toEqual([0, 1, 2]);
  });

  it('makes request-scoped controllers anew, with the request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Who {
      constructor(@Inject(REQUEST) readonly request: RequestContext<unknown, FunqContext>) {}
    }
    let made = 0;
    @Controller()
    class Scoped {
      readonly number = ++made;
      constructor(private readonly who: Who) {}
      @MessagePattern('who')
      async answer(): Promise<unknown> {
        const { pattern, data, context } = this.who.request;
        return { pattern, data, same: context?.getTask() === currentTask(), number: this.number };
      }
      @EventPattern('heard', { retry: 1 })
      heard(_data: unknown, @Ctx() context: unknown): void {
        if ((context as FunqContext).getTask().attempt === 1) throw new Error('again');
      }
    }
    const here = stage();
    const { server } = await here.serve({ controllers: [Scoped], providers: [Who] });
    const client = here.client();
    const first = await lastValueFrom(client.send<{ number: number }>('who', 'a'));
    const second = await lastValueFrom(client.send<{ number: number }>('who', 'b'));
    expect(first).toMatchObject({ pattern: 'who', data: 'a', same: true });
    expect(second.number).toBe(first.number + 1);
    const done = once(server, 'done', 'heard');
    client.emit('heard', 1);
    expect(await done).toMatchObject({ task: { attempt: 2 } });
  });
});

describe('processing hooks', () => {
  it('tell of the beginning and the end of each run, and of what a client sends', async () => {
    const here = stage();
    const told: string[] = [];
    const { server } = await here.serve({ controllers: [Sums] });
    server.setOnProcessingStartHook((_transport, context, done) => {
      told.push(`start ${(context as FunqContext).getHeaders()['trace']}`);
      void done();
    });
    server.setOnProcessingEndHook((_transport, context) => told.push(`end ${(context as FunqContext).getPattern()}`));
    const client = here.client();
    client.setOnDispatchHook((packet) => (packet.metadata = { trace: 'abc' }));
    await all(client.send('echo', 1));
    expect(told).toEqual(['start abc', 'end echo']);
  });
});

describe('processing hooks that fail', () => {
  const served = async () => {
    const here = stage();
    const { server, log } = await here.serve({ controllers: [Sums] });
    return { server, log, client: here.client({ timeout: 2000 }) };
  };

  it.each([
    ['rejects', () => Promise.reject(new Error('no tracer'))],
    [
      'throws',
      () => {
        throw new Error('no tracer');
      },
    ],
  ])('fail the run at its beginning: one that %s', async (_how, hook) => {
    const { server, client } = await served();
    const dead = once(server, 'dead');
    server.setOnProcessingStartHook(hook);
    expect((await failure(client.send('echo', 1))).error).toMatchObject({ message: 'Internal server error' });
    expect(await dead).toMatchObject({ letter: { reason: 'no tracer' } });
  });

  it('change nothing once the run has begun', async () => {
    const { server, client, log } = await served();
    server.setOnProcessingStartHook(async (_transport, _context, done) => {
      await done();
      throw new Error('no tracer');
    });
    server.setOnProcessingEndHook(() => {
      throw new Error('no end');
    });
    expect(await all(client.send('echo', 1))).toEqual([1]);
    expect(log.find('no end')).toHaveLength(1);
  });
});

describe('serializers', () => {
  it('write and read packets on both sides, values and errors alike', async () => {
    @Controller()
    class Upper {
      @MessagePattern('upper')
      upper(text: string): Observable<string> {
        if (text === '') throw new RpcException('nothing there');
        return of(...text.toUpperCase());
      }
    }
    const wrap = { serialize: (packet: unknown) => ({ wrapped: JSON.stringify(packet) }) };
    const unwrap = { deserialize: async ({ wrapped }: { wrapped: string }) => JSON.parse(wrapped) as never };
    const here = stage();
    await here.serve({ controllers: [Upper] }, { serializer: wrap, deserializer: unwrap });
    const client = here.client({ serializer: wrap, deserializer: unwrap });
    expect(await all(client.send('upper', 'abc'))).toEqual(['A', 'B', 'C']);
    expect((await failure(client.send('upper', ''))).error).toEqual({ status: 'error', message: 'nothing there' });
  });
});

describe('what a handler throws', () => {
  @Controller()
  class Thrower {
    readonly seen = new Seen();
    @EventPattern('x', { retry: 3 })
    async x(@Payload() data: string, @Ctx() context: unknown): Promise<void> {
      const task = (context as FunqContext).getTask();
      this.seen.add(task.attempt);
      if (data === 'dead') throw new DeadLetterError('never again');
      if (data === 'bad') throw new BadRequestException('wrong');
      if (data === 'requeue' && task.requeues === 0) throw new RequeueError({ delay: 1 });
      if (data === 'type') throw new TypeError('a detail');
    }
    @MessagePattern('y')
    y(): never {
      throw new TypeError('a secret');
    }
  }
  const served = async (filter: boolean) => {
    const here = stage();
    const configure = filter
      ? (app: { useGlobalFilters(f: object): unknown }) => app.useGlobalFilters(new FunqExceptionFilter())
      : undefined;
    const service = await here.serve({ controllers: [Thrower] }, {}, configure as never);
    return { ...service, client: here.client(), seen: service.app.get(Thrower).seen };
  };

  it('is what Nest makes of it, where nothing else is set', async () => {
    const { server, client, seen } = await served(false);
    const dead = once(server, 'dead');
    client.emit('x', 'type');
    expect(await dead).toMatchObject({ letter: { code: 'failed', reason: 'Internal server error' } });
    expect(seen.values).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['type', [1, 2, 3, 4], 'a detail'],
    ['dead', [1], 'never again'],
    ['bad', [1], 'wrong'],
  ])('is seen by the engine with FunqExceptionFilter: %s', async (what, attempts, reason) => {
    const { server, client, seen } = await served(true);
    const dead = once(server, 'dead');
    client.emit('x', what);
    expect(await dead).toMatchObject({ letter: { reason } });
    expect(seen.values).toEqual(attempts);
  });

  it('may ask for a requeue, and tells callers no more than before', async () => {
    const { server, client, seen } = await served(true);
    const done = once(server, 'done');
    client.emit('x', 'requeue');
    expect(await done).toMatchObject({ task: { requeues: 1 } });
    expect(seen.values).toEqual([1, 1]);
    expect((await failure(client.send('y', 1))).error).toEqual({ status: 'error', message: 'Internal server error' });
  });
});
