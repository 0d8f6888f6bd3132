import { Injectable, Scope, UseGuards, type CanActivate } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { boot } from '../support/app.js';

/** Counts how often a task runs: a consumer that is started twice shares its queue with itself. */
@Injectable()
class Work {
  static runs: object[] = [];
  @Consumer({ concurrency: 1 })
  run(): number {
    return Work.runs.push(this);
  }
}

describe('a consumer provided under another token', () => {
  it.each([
    ['useClass', [{ provide: 'OTHER', useClass: Work }]],
    ['useValue', [{ provide: 'OTHER', useValue: new Work() }]],
    ['useFactory', [{ provide: 'OTHER', useFactory: () => new Work() }]],
    ['an asynchronous factory', [{ provide: 'OTHER', useFactory: async () => new Work() }]],
    ['a symbol', [{ provide: Symbol('work'), useClass: Work }]],
    ['useClass, request-scoped', [{ provide: 'OTHER', useClass: Work, scope: Scope.REQUEST }]],
    ['a factory for each task', [{ provide: Work, useFactory: () => new Work(), scope: Scope.REQUEST }]],
    ['a factory of what belongs to the task', [{ provide: Work, useFactory: () => new Work(), inject: [REQUEST] }]],
    ['a transient factory', [{ provide: Work, useFactory: () => new Work(), scope: Scope.TRANSIENT }]],
  ])('is started: %s', async (_name, providers) => {
    const { funq } = await boot({ providers });
    expect(await funq.ask(Work).run()).toBeGreaterThan(0);
  });

  it.each([
    ['an alias', [Work, { provide: 'ALIAS', useExisting: Work }, { provide: 'ALIAS2', useExisting: 'ALIAS' }]],
    [
      'a factory that hands on the same object',
      [Work, { provide: 'SAME', useFactory: (w: Work) => w, inject: [Work] }],
    ],
    ['the same, named first', [{ provide: 'SAME', useFactory: (w: Work) => w, inject: [Work] }, Work]],
  ])('is started once: %s', async (_name, providers) => {
    const { funq, app } = await boot({ providers });
    Work.runs = [];
    await Promise.all(Array.from({ length: 4 }, () => funq.ask(Work).run()));
    expect(Work.runs).toEqual(Array.from({ length: 4 }, () => app.get(Work)));
  });

  it('is started once as the provider that has its enhancers, wherever else it is handed on', async () => {
    @Injectable()
    class Refusing implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    @Injectable()
    class Guarded {
      @UseGuards(Refusing)
      @Consumer()
      run(): void {}
    }
    class Home {}
    class Abroad {}
    const home = { module: Home, providers: [Guarded], exports: [Guarded] };
    const handedOn = { provide: 'SAME', useFactory: (guarded: Guarded) => guarded, inject: [Guarded] };
    const { funq } = await boot({ imports: [home, { module: Abroad, imports: [home], providers: [handedOn] }] });
    await expect(funq.ask(Guarded).run()).rejects.toMatchObject({ remoteName: 'ForbiddenException' });
  });

  it('is started once when an alias has the name of a class that it inherits from', async () => {
    class Base {
      @Consumer('inherited')
      run(): string {
        return this.constructor.name;
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Heir extends Base {}
    const { funq } = await boot({ providers: [Heir, { provide: Base, useExisting: Heir }] });
    expect(await funq.ask('inherited')).toBe('Heir');
  });

  it('finds no class in values that have none', async () => {
    const bare = Object.create(null) as object;
    const { funq } = await boot({
      providers: [
        Work,
        { provide: 'BARE', useValue: bare },
        { provide: 'NULL', useValue: null },
        { provide: 'UNDEFINED', useValue: undefined },
        { provide: 'NUMBER', useValue: 3 },
        { provide: 'FUNCTION', useValue: () => 1 },
        { provide: 'FACTORY', useFactory: () => null },
        { provide: 'CLASS', useValue: class {} },
      ],
    });
    expect(await funq.ask(Work).run()).toBeGreaterThan(0);
  });

  it('keeps apart two scoped classes that modules provide under one token', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class One {
      @Consumer()
      who(): string {
        return `one ${this.constructor.name}`;
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Two {
      @Consumer()
      who(): string {
        return `two ${this.constructor.name}`;
      }
    }
    class FirstModule {}
    class SecondModule {}
    const { funq } = await boot({
      imports: [
        { module: FirstModule, providers: [{ provide: 'JOB', useClass: One }] },
        { module: SecondModule, providers: [{ provide: 'JOB', useClass: Two }] },
      ],
    });
    expect(await funq.ask(One).who()).toBe('one One');
    expect(await funq.ask(Two).who()).toBe('two Two');
  });
});
