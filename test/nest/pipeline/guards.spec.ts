import {
  Catch,
  ForbiddenException,
  Injectable,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { Consumer, FUNQ_CONTEXT, ResultInterceptor, taskOf, type Task } from 'nestjs-funq';
import { memoryResults } from 'nestjs-funq/stores/memory';
import { boot, dead, done } from '../support/app.js';

const Roles = Reflector.createDecorator<string[]>();

@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}
  canActivate(context: ExecutionContext): boolean {
    const roles = this.reflector.getAllAndOverride(Roles, [context.getHandler(), context.getClass()]) ?? [];
    return roles.includes(taskOf(context).headers['role'] ?? 'none');
  }
}

@Injectable()
class Throwing implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException('who are you?');
  }
}

@Injectable()
@Roles(['admin'])
class Guarded {
  runs = 0;

  @UseGuards(RolesGuard)
  @Consumer({ retry: 3, persist: 'status' })
  run(): void {
    this.runs++;
  }

  @Roles(['clerk'])
  @Consumer({ retry: 3, persist: 'status' })
  @UseGuards(RolesGuard)
  clerks(): void {
    this.runs++;
  }

  @UseGuards(Throwing)
  @Consumer({ retry: 3 })
  never(): void {
    this.runs++;
  }
}

@Catch()
class CatchAll implements ExceptionFilter {
  catch(): string {
    return 'all is well';
  }
}

describe('a guard', () => {
  it('reads metadata of method and class, and lets the right ones through', async () => {
    const { funq, events } = await boot({ providers: [Guarded] }, { stores: { results: memoryResults() } });
    await done(events, () => funq.to(Guarded, { headers: { role: 'admin' } }).run());
    await done(events, () => funq.to(Guarded, { headers: { role: 'clerk' } }).clerks());
    await dead(events, () => funq.to(Guarded, { headers: { role: 'admin' } }).clerks());
  });

  it.each<[string, Provider[]]>([
    ['without a filter', []],
    ['with a filter that answers everything', [{ provide: APP_FILTER, useClass: CatchAll }]],
  ])('that refuses sends the task to the dead letters, once and for all, %s', async (_name, filters) => {
    const results = memoryResults();
    const { funq, events, app } = await boot({ providers: [Guarded, ...filters] }, { stores: { results } });
    const failures: boolean[] = [];
    events.on('failed', ({ again }) => void failures.push(again));
    const { letter, deadLetter, task } = await dead(events, () => funq.to(Guarded, { id: 'g' }).run());
    expect([deadLetter, letter.code, letter.reason, task?.attempt]).toEqual([
      'Guarded.run.dead',
      'failed',
      'Forbidden resource',
      1,
    ]);
    expect(letter.errors).toMatchObject([{ name: 'ForbiddenException', attempt: 1 }]);
    expect(failures).toEqual([false]);
    expect(app.get(Guarded).runs).toBe(0);
    await app.get(ResultInterceptor).flush();
    expect(await results.find('g')).toMatchObject({
      status: 'dead',
      attempts: 0,
      error: { name: 'ForbiddenException' },
    });
  });

  it('tells the caller why', async () => {
    const { funq } = await boot({ providers: [Guarded] }, { stores: { results: memoryResults() } });
    await expect(funq.ask(Guarded).run()).rejects.toMatchObject({ remoteName: ForbiddenException.name });
    await expect(funq.ask(Guarded).never()).rejects.toMatchObject({ message: 'who are you?' });
  });

  it('written for HTTP can step aside by the type of the context', async () => {
    @Injectable()
    class HttpOnly implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        types.push(context.getType());
        return context.getType() !== 'http';
      }
    }
    const types: string[] = [];
    @Injectable()
    class Open {
      @Consumer()
      run(): string {
        return 'ran';
      }
    }
    const { funq } = await boot({ providers: [Open, { provide: APP_GUARD, useClass: HttpOnly }] });
    expect(await funq.ask(Open).run()).toBe('ran');
    expect([types, FUNQ_CONTEXT]).toEqual([['funq'], 'funq']);
  });

  it('may take its time, and sees arguments, method and class', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Looking implements CanActivate {
      async canActivate(context: ExecutionContext): Promise<boolean> {
        await Promise.resolve();
        const [a, b, task] = context.getArgs<[string, number, Task]>();
        seen.push(a, b, task.id === taskOf(context).id, context.getHandler().name, context.getClass() === Looked);
        seen.push(new Reflector().get('note', context.getHandler()));
        return true;
      }
    }
    @Injectable()
    class Looked {
      @UseGuards(Looking)
      @SetMetadata('note', 'noted')
      @Consumer()
      run(_a: string, _b: number): void {}
    }
    const { funq } = await boot({ providers: [Looked] });
    await funq.ask(Looked).run('x', 1);
    expect(seen).toEqual(['x', 1, true, 'run', true, 'noted']);
  });
});
