import {
  Catch,
  HttpException,
  Injectable,
  NotFoundException,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { EMPTY, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqRemoteError, RequeueError, type EngineEvents, type Task } from 'nestjs-funq';
import { boot, dead, done, type Booted } from '../support/app.js';

class Mapped extends Error {
  readonly code = 'MAPPED';
}

/** What the filter of the present test answers with. */
let answer: (error: unknown, host: ArgumentsHost) => unknown;

@Catch()
class Answering implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): unknown {
    return answer(error, host);
  }
}

@Injectable()
@UseFilters(Answering)
class Failing {
  @Consumer({ retry: 1 })
  run(): never {
    throw new Error('original');
  }
  @Consumer()
  back(): string {
    if (this.requeues++ === 0) throw new RequeueError({ delay: 0 });
    return 'at last';
  }
  requeues = 0;
}

/** How the task ends, and what its caller is told. */
async function outcome(by: typeof answer): Promise<[EngineEvents['dead'], FunqRemoteError, Booted]> {
  answer = by;
  const booted = await boot({ providers: [Failing] });
  const end = await dead(booted.events, () => booted.funq.to(Failing).run());
  const told = await booted.funq
    .ask(Failing)
    .run()
    .catch((error: unknown) => error);
  expect(told).toBeInstanceOf(FunqRemoteError);
  return [end, told as FunqRemoteError, booted];
}

describe('a filter shapes the answer and does not undo the failure', () => {
  it.each<[string, typeof answer, string]>([
    ['returns a value', () => 'all is well', 'original'],
    ['returns a promise', async () => 'all is well', 'original'],
    ['returns nothing', () => undefined, 'original'],
    ['returns an observable of a value', () => of('all is well'), 'original'],
    ['returns an empty observable', () => EMPTY, 'original'],
    ['returns an observable of another error', () => throwError(() => new Mapped('mapped')), 'mapped'],
    [
      'throws another error',
      () => {
        throw new Mapped('mapped');
      },
      'mapped',
    ],
    ['rejects with another error', async () => Promise.reject(new Mapped('mapped')), 'mapped'],
    [
      'throws the same',
      (error) => {
        throw error as Error;
      },
      'original',
    ],
  ])('when it %s', async (_name, by, shown) => {
    const [{ letter, deadLetter, task }, told, { log }] = await outcome(by);
    expect([letter.code, letter.reason, deadLetter, task?.attempt]).toEqual([
      'failed',
      'original',
      'Failing.run.dead',
      2,
    ]);
    expect(letter.errors.map(({ message }) => message)).toEqual(['original', 'original']);
    expect(told.message).toBe(shown);
    expect(told.remoteCode).toBe(shown === 'mapped' ? 'MAPPED' : undefined);
    expect(log.find('is dead (failed): original')).not.toEqual([]);
  });

  it('and sees the task, the arguments and the last error, once', async () => {
    const seen: unknown[] = [];
    await outcome((error, host) => {
      const task = host.getArgByIndex<Task>(0);
      seen.push([(error as Error).message, host.getType(), task.queue, task.attempt]);
      return 'seen';
    });
    expect(seen).toEqual([
      ['original', 'funq', 'Failing.run', 2],
      ['original', 'funq', 'Failing.run', 2],
    ]);
  });

  it('and is not asked about a requeue, which is no failure', async () => {
    const seen: unknown[] = [];
    answer = (error) => seen.push(error);
    const { funq, events } = await boot({ providers: [Failing] });
    expect((await done(events, () => funq.to(Failing).back())).value).toBe('at last');
    expect(seen).toEqual([]);
  });

  it('and answers for the errors that it catches, and no others', async () => {
    @Catch(HttpException)
    class Http implements ExceptionFilter {
      catch(error: HttpException): never {
        throw new Mapped(`status ${error.getStatus()}`);
      }
    }
    @Injectable()
    @UseFilters(Http)
    class Mixed {
      @Consumer()
      run(http: boolean): never {
        throw http ? new NotFoundException() : new Error('plain');
      }
    }
    const { funq } = await boot({ providers: [Mixed] });
    await expect(funq.ask(Mixed).run(true)).rejects.toMatchObject({ message: 'status 404', remoteCode: 'MAPPED' });
    await expect(funq.ask(Mixed).run(false)).rejects.toMatchObject({ message: 'plain' });
  });

  it("and Nest's own prints the stack of an error once", async () => {
    @Injectable()
    class Bare {
      @Consumer({ retry: 2 })
      run(): never {
        throw new Error('printed');
      }
    }
    const { funq, events, log } = await boot({ providers: [Bare] });
    await dead(events, () => funq.to(Bare).run());
    expect(log.find('pipeline/filters.spec')).toMatchObject([{ level: 'error', context: 'ExceptionsHandler' }]);
  });
});
