import { Catch, Controller, type ExceptionFilter } from '@nestjs/common';
import { MessagePattern, RpcException } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { FunqExceptionFilter } from 'nestjs-funq/microservice';
import { Stage, all, failure } from './support.js';

function stage(): Stage {
  const queues: MemoryQueues = new Map();
  return new Stage(() => memory({ queues }));
}

/** What a caller gets of a handler that throws, with a filter. */
async function thrown(error: unknown, filter?: ExceptionFilter): Promise<unknown> {
  @Controller()
  class Thrower {
    @MessagePattern('x')
    x(): never {
      throw error;
    }
  }
  const here = stage();
  await here.serve({ controllers: [Thrower] }, {}, (app) => filter && app.useGlobalFilters(filter));
  return (await failure(here.client().send('x', 1))).error;
}

@Catch()
class Giving implements ExceptionFilter {
  constructor(private readonly what: unknown) {}
  catch(): Observable<never> {
    return throwError(() => this.what);
  }
}

describe('an error that is no object', () => {
  it.each([null, 0, '', false])('ends the call: %j', async (what) => {
    expect(await thrown(new Error('x'), new Giving(what))).toMatchObject({
      code: 'FUNQ_REMOTE',
      message: `thrown value: ${String(what)}`,
    });
  });

  it('is data where it is something', async () => {
    expect(await thrown(new Error('x'), new Giving('a text'))).toBe('a text');
  });

  it.each([404, true, null, 'text', { code: 1 }])('is the same with the exception filter: %j', async (what) => {
    const error = new RpcException(what as object);
    expect(await thrown(error, new FunqExceptionFilter())).toEqual(await thrown(error));
  });
});

describe('a serializer that fails', () => {
  @Controller()
  class Numbers {
    @MessagePattern('one')
    one(big: boolean): unknown {
      return big ? 1n : 1;
    }
    @MessagePattern('many')
    async *many(): AsyncGenerator<unknown> {
      yield 1;
      yield 2n;
      yield 3;
    }
    @MessagePattern('error')
    error(): never {
      throw new RpcException({ big: 1n });
    }
    @MessagePattern('nothing')
    nothing(): void {}
    @MessagePattern('none')
    async *none(): AsyncGenerator<unknown> {}
  }
  const serializer = { serialize: (packet: unknown) => ({ text: JSON.stringify(packet) }) };
  const deserializer = { deserialize: ({ text }: { text: string }) => JSON.parse(text) as never };
  const served = async () => {
    const here = stage();
    await here.serve({ controllers: [Numbers] }, { serializer });
    return here.client({ deserializer });
  };

  it('is told to the caller instead of the result', async () => {
    const client = await served();
    expect(await all(client.send('one', false))).toEqual([1]);
    const told = { remoteName: 'TypeError', message: expect.stringContaining('BigInt') as string };
    expect((await failure(client.send('one', true))).error).toMatchObject(told);
    expect(await failure(client.send('many', 1))).toMatchObject({ values: [1], error: told });
    expect((await failure(client.send('error', 1))).error).toMatchObject({ code: 'FUNQ_REMOTE' });
  });

  it('is not needed for a result without a value', async () => {
    const client = await served();
    expect(await all(client.send('nothing', 1))).toEqual([]);
    expect(await all(client.send('none', 1))).toEqual([]);
  });
});
