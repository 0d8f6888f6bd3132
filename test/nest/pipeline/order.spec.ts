import { Injectable, UseFilters, UseGuards, UseInterceptors, UsePipes, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { Consumer, Control, ExpiryInterceptor, RetryInterceptor, type Task } from 'nestjs-funq';
import { bootGlobal, dead, done, type Booted } from '../support/app.js';
import { recorders } from '../support/recorders.js';

const book: string[] = [];
const { guard, interceptor, pipe, filter, filterClass } = recorders(book);

/** Shows where the controls stand. */
@Injectable()
class Marker extends Control {
  appliesTo(): boolean {
    return true;
  }
  async around(task: Task, next: () => Promise<unknown>): Promise<unknown> {
    book.push('> controls');
    try {
      return await next();
    } finally {
      book.push(`< controls #${task.attempt}`);
    }
  }
}

@Injectable()
@UseGuards(guard('class'))
@UseInterceptors(interceptor('class'))
@UsePipes(pipe('class'))
@UseFilters(filter('class'))
class Jobs {
  failures = 0;

  @UseGuards(guard('method'))
  @UseInterceptors(interceptor('method'))
  @UsePipes(pipe('method'))
  @UseFilters(filter('method'))
  @Consumer({ retry: 2 })
  above(value: string): string {
    return this.#work(value);
  }

  @Consumer({ retry: 2 })
  @UseFilters(filter('method'))
  @UsePipes(pipe('method'))
  @UseInterceptors(interceptor('method'))
  @UseGuards(guard('method'))
  below(value: string): string {
    return this.#work(value);
  }

  @Consumer()
  plain(value: string): string {
    return this.#work(value);
  }

  #work(value: string): string {
    book.push(`method ${value}`);
    if (this.failures-- > 0) throw new Error('not yet');
    return value;
  }
}

async function start(failures = 0): Promise<Booted> {
  const providers: Provider[] = [
    Jobs,
    { provide: APP_GUARD, useValue: guard('APP') },
    { provide: APP_INTERCEPTOR, useValue: interceptor('APP') },
    { provide: APP_PIPE, useValue: pipe('APP') },
    { provide: APP_FILTER, useClass: filterClass('APP') },
  ];
  const booted = await bootGlobal(
    { providers },
    (app) =>
      app.useGlobalGuards(guard('global')).useGlobalInterceptors(interceptor('global')).useGlobalPipes(pipe('global')),
    { controls: [Marker, RetryInterceptor] },
  );
  booted.app.get(Jobs).failures = failures;
  book.length = 0;
  return booted;
}

const guards = ['guard APP (funq)', 'guard global (funq)', 'guard class (funq)', 'guard method (funq)'];
const outside = ['> APP (funq)', '> global (funq)', '> class (funq)'];
const run = ['> method (funq)', 'pipe APP x', 'pipe global x', 'pipe class x', 'pipe method x', 'method x', '< method'];

describe('a task passes the enhancers', () => {
  it.each(['above', 'below'] as const)('in one order, with the decorators %s @Consumer()', async (method) => {
    const { funq, events } = await start();
    await done(events, () => funq.to(Jobs)[method]('x'));
    expect(book).toEqual([
      ...guards,
      ...outside,
      '> controls',
      ...run,
      '< controls #1',
      '< class',
      '< global',
      '< APP',
    ]);
  });

  it("guards and outer interceptors once, the method's own interceptors and pipes once an attempt", async () => {
    const { funq, events } = await start(2);
    await done(events, () => funq.to(Jobs).above('x'));
    expect(book).toEqual([
      ...guards,
      ...outside,
      '> controls',
      ...run,
      ...run,
      ...run,
      '< controls #3',
      '< class',
      '< global',
      '< APP',
    ]);
  });

  it('and the nearest filter around all, when it has failed for good', async () => {
    const { funq, events } = await start(9);
    await dead(events, () => funq.to(Jobs).above('x'));
    expect(book.slice(-5)).toEqual(['< controls #3', '< class', '< global', '< APP', 'filter method (funq)']);
    book.length = 0;
    await dead(events, () => funq.to(Jobs).plain('x'));
    expect(book.filter((line) => line.startsWith('filter'))).toEqual(['filter class (funq)']);
  });

  it('and a global filter where there is no nearer one', async () => {
    @Injectable()
    class Bare {
      @Consumer()
      run(): never {
        throw new Error('bare');
      }
    }
    for (const own of [{ provide: APP_FILTER, useClass: filterClass('APP') }, undefined]) {
      const { funq, events } = await bootGlobal({ providers: [Bare, ...(own ? [own] : [])] }, (app) => {
        if (!own) app.useGlobalFilters(filter('global'));
      });
      book.length = 0;
      const { letter } = await dead(events, () => funq.to(Bare).run());
      expect([book, letter.reason]).toEqual([[`filter ${own ? 'APP' : 'global'} (funq)`], 'bare']);
    }
  });

  it('the same with options of its own', async () => {
    const { funq, events } = await start(1);
    await done(events, () => funq.to(Jobs, { expire: '1h', retry: 1 }).above('x'));
    expect(book).toEqual([
      ...guards,
      ...outside,
      '> controls',
      ...run,
      ...run,
      '< controls #2',
      '< class',
      '< global',
      '< APP',
    ]);
  });

  it('controls in the order that the app wants', async () => {
    const inner: string[] = [];
    @Injectable()
    class Inner extends Control {
      appliesTo(): boolean {
        return true;
      }
      around(task: Task, next: () => Promise<unknown>): Promise<unknown> {
        inner.push(`run ${task.attempt}`);
        return next();
      }
    }
    for (const [controls, expected] of [
      [[Inner, RetryInterceptor], ['run 1']],
      [
        [RetryInterceptor, Inner],
        ['run 1', 'run 2', 'run 3'],
      ],
      [
        [RetryInterceptor, Inner, ExpiryInterceptor, Inner],
        ['run 1', 'run 1', 'run 2', 'run 2', 'run 3', 'run 3'],
      ],
    ] as const) {
      inner.length = 0;
      const booted = await bootGlobal({ providers: [Jobs] }, () => undefined, { controls });
      booted.app.get(Jobs).failures = 2;
      await done(booted.events, () => booted.funq.to(Jobs).above('x'));
      expect(inner).toEqual(expected);
    }
  });
});
