import {
  Catch,
  Controller,
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, REQUEST } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Consumer, currentTask, type Task } from 'nestjs-funq';
import { boot, dead, refusal } from '../support/app.js';

@Injectable()
class Settings {
  readonly name = 'settings';
}

let made = 0;
const seen: string[] = [];
beforeEach(() => {
  made = 0;
  seen.length = 0;
});

/** Enhancers of one scope that have a dependency and tell which task they belong to. */
function enhancers(scope: Scope): {
  guard: Type<CanActivate>;
  interceptor: Type<NestInterceptor>;
  pipe: Type<PipeTransform>;
  filter: Type<ExceptionFilter>;
} {
  const note = (kind: string, settings: Settings, number: number): void => {
    seen.push(`${kind} ${settings.name} ${number}`);
  };
  @Injectable({ scope })
  class Guard implements CanActivate {
    readonly number = ++made;
    constructor(readonly settings: Settings) {}
    canActivate(): boolean {
      note('guard', this.settings, this.number);
      return true;
    }
  }
  @Injectable({ scope })
  class Interceptor implements NestInterceptor {
    readonly number = ++made;
    constructor(readonly settings: Settings) {}
    intercept(_context: unknown, next: CallHandler): Observable<unknown> {
      note('interceptor', this.settings, this.number);
      return next.handle();
    }
  }
  @Injectable({ scope })
  class Pipe implements PipeTransform {
    readonly number = ++made;
    constructor(readonly settings: Settings) {}
    transform(value: unknown): unknown {
      note('pipe', this.settings, this.number);
      return value;
    }
  }
  @Catch()
  @Injectable({ scope })
  class Filter implements ExceptionFilter {
    readonly number = ++made;
    constructor(readonly settings: Settings) {}
    catch(error: unknown): never {
      note('filter', this.settings, this.number);
      throw error;
    }
  }
  return { guard: Guard, interceptor: Interceptor, pipe: Pipe, filter: Filter };
}

const kinds = ['guard', 'interceptor', 'pipe', 'filter'];

describe('a request-scoped consumer', () => {
  @Injectable({ scope: Scope.REQUEST })
  class Helper {
    constructor(@Inject(REQUEST) readonly task: Task) {}
  }

  @Injectable({ scope: Scope.REQUEST })
  class Scoped {
    readonly number = ++made;
    calls = 0;
    constructor(
      @Inject(REQUEST) readonly task: Task,
      readonly helper: Helper,
      readonly settings: Settings,
    ) {}
    @Consumer({ concurrency: 10 })
    async run(): Promise<unknown> {
      this.calls++;
      await Promise.resolve();
      const { task, helper, settings } = this;
      return [task.id, helper.task === task, task.id === currentTask()?.id, settings.name, this.calls];
    }
    @Consumer({ retry: 2 })
    failing(): never {
      seen.push(`${this.number} ${++this.calls} ${this.task.attempt}`);
      throw new Error('no');
    }
  }

  it('is made for each task, and REQUEST is the task, for all that it depends on', async () => {
    const { funq } = await boot({ providers: [Settings, Helper, Scoped] });
    const ids = ['a', 'b', 'c', 'd'];
    const results = await Promise.all(ids.map((id) => funq.ask(Scoped, { id }).run()));
    expect(results).toEqual(ids.map((id) => [id, true, true, 'settings', 1]));
    expect(made).toBe(4);
  });

  it('stays the same for runs in place, with a task that counts them, with overrides too', async () => {
    const { funq, events } = await boot({ providers: [Settings, Helper, Scoped] });
    await dead(events, () => funq.to(Scoped).failing());
    await dead(events, () => funq.to(Scoped, { retry: 1 }).failing());
    expect(seen).toEqual(['1 1 1', '1 2 2', '1 3 3', '2 1 1', '2 2 2']);
  });

  it('is so because of what it depends on, and as a controller too', async () => {
    @Injectable()
    class Indirect {
      constructor(readonly helper: Helper) {}
      @Consumer()
      run(): string {
        return this.helper.task.id;
      }
    }
    @Controller()
    class Indirectly {
      constructor(@Inject(REQUEST) readonly task: Task) {}
      @Consumer()
      run(): string {
        return this.task.id;
      }
    }
    const { funq } = await boot({ providers: [Helper, Indirect], controllers: [Indirectly] });
    expect(await funq.ask(Indirect, { id: 'one' }).run()).toBe('one');
    expect(await funq.ask(Indirectly, { id: 'two' }).run()).toBe('two');
  });

  it('that can not be made fails its task and no other', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Fragile {
      constructor(@Inject(REQUEST) task: Task) {
        if (task.id === 'bad') throw new Error('can not be made');
      }
      @Consumer()
      run(): string {
        return 'ran';
      }
    }
    const { funq, events } = await boot({ providers: [Fragile] });
    const { letter } = await dead(events, () => funq.to(Fragile, { id: 'bad' }).run());
    expect(letter.reason).toBe('can not be made');
    expect(await funq.ask(Fragile, { id: 'good' }).run()).toBe('ran');
  });
});

describe.each([
  ['request-scoped', Scope.REQUEST],
  ['transient', Scope.TRANSIENT],
])('%s enhancers of a static consumer', (_name, scope) => {
  const { guard, interceptor, pipe, filter } = enhancers(scope);

  @Injectable()
  class Plain {
    @Consumer()
    run(fail: boolean): string {
      if (fail) throw new Error('no');
      return 'ran';
    }
  }

  @Injectable()
  @UseGuards(guard)
  @UseInterceptors(interceptor)
  @UsePipes(pipe)
  @UseFilters(filter)
  class OnClass extends Plain {
    @Consumer()
    override run(fail: boolean): string {
      return super.run(fail);
    }
  }

  @Injectable()
  class OnMethod extends Plain {
    @UseGuards(guard)
    @UseInterceptors(interceptor)
    @UsePipes(pipe)
    @UseFilters(filter)
    @Consumer()
    override run(fail: boolean): string {
      return super.run(fail);
    }
  }

  const global: Provider[] = [
    { provide: APP_GUARD, useClass: guard, scope },
    { provide: APP_INTERCEPTOR, useClass: interceptor, scope },
    { provide: APP_PIPE, useClass: pipe, scope },
    { provide: APP_FILTER, useClass: filter, scope },
  ];

  it.each<[string, Type<Plain>, Provider[]]>([
    ['on the class', OnClass, []],
    ['on the method', OnMethod, []],
    ['global', Plain, global],
  ])('apply %s, with their dependencies', async (_where, type, providers) => {
    const { funq } = await boot({ providers: [Settings, type, ...providers] });
    expect(await funq.ask(type).run(false)).toBe('ran');
    await expect(funq.ask(type).run(true)).rejects.toMatchObject({ message: 'no' });
    const names = seen.map((entry) => entry.split(' ').slice(0, 2).join(' '));
    const [first, second] = [names.slice(0, 3), names.slice(3)];
    expect(first).toEqual(kinds.slice(0, 3).map((kind) => `${kind} settings`));
    expect(second).toEqual(kinds.map((kind) => `${kind} settings`));
    const numbers = (kind: string): string[] => seen.filter((e) => e.startsWith(kind)).map((e) => e.split(' ')[2]!);
    expect(new Set(numbers('guard')).size).toBe(scope === Scope.REQUEST ? 2 : 1);
  });
});

describe('a consumer made by a factory', () => {
  @Injectable()
  class Refusing implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }
  @UseGuards(Refusing)
  class Guarded {
    @Consumer()
    run(): string {
      return 'ran';
    }
  }
  class GuardedMethod {
    @UseGuards(Refusing)
    @Consumer()
    run(): string {
      return 'ran';
    }
  }

  it.each<[string, Type]>([
    ['class', Guarded],
    ['method', GuardedMethod],
  ])('is refused when its %s names enhancers that Nest can not make for it', async (_name, type) => {
    const error = await refusal({ providers: [{ provide: 'MADE', useFactory: () => new type() as object }] });
    expect(error.message).toContain(`${type.name}.run`);
    expect(error.message).toContain('Refusing');
    expect(error.message).toContain('useClass');
  });

  it('is refused when a global enhancer of the app is made for each request', async () => {
    class Bare {
      @Consumer()
      run(): string {
        return 'ran';
      }
    }
    const { guard } = enhancers(Scope.REQUEST);
    const error = await refusal({
      providers: [
        Settings,
        { provide: 'MADE', useFactory: () => new Bare() },
        { provide: APP_GUARD, useClass: guard, scope: Scope.REQUEST },
      ],
    });
    expect(error.message).toContain('Bare.run');
  });

  it('keeps enhancers that are objects', async () => {
    class WithObject {
      @UseGuards({ canActivate: () => false })
      @Consumer()
      run(): string {
        return 'ran';
      }
    }
    const { funq } = await boot({ providers: [{ provide: 'MADE', useFactory: () => new WithObject() }] });
    await expect(funq.ask(WithObject).run()).rejects.toMatchObject({ remoteName: 'ForbiddenException' });
  });
});
