import { Controller, Get, Injectable, Module, Scope } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { boot, done, signal } from '../support/app.js';

@Injectable()
class Base {
  @Consumer()
  async greet(name: string): Promise<string> {
    return `${this.constructor.name} ${name}`;
  }

  @Consumer()
  async overridden(): Promise<string> {
    return 'base';
  }
}

@Injectable()
class Heir extends Base {
  override async overridden(): Promise<string> {
    return 'heir';
  }
}

@Injectable()
class OtherHeir extends Base {
  @Consumer({ queue: 'redecorated' })
  override async overridden(): Promise<string> {
    return 'other heir';
  }
}

describe('consumers are found', () => {
  it('on providers and controllers, under Class.method without a name', async () => {
    @Injectable()
    class Sums {
      @Consumer()
      add(a: number, b: number): number {
        return a + b;
      }
      @Consumer('named')
      double(a: number): number {
        return 2 * a;
      }
    }
    @Controller('sums')
    class SumsController {
      @Get()
      @Consumer({ queue: 'ctl' })
      triple(a: number): number {
        return 3 * a;
      }
    }
    const { funq, app } = await boot({ providers: [Sums], controllers: [SumsController] });
    expect(await funq.ask('Sums.add', [1, 2])).toBe(3);
    expect(await funq.ask('named', [4])).toBe(8);
    expect(await funq.ask('ctl', [5])).toBe(15);
    expect(app.get(Sums).add(1, 1), 'still callable as before').toBe(2);
  });

  it('on modules themselves, and in modules deep below', async () => {
    @Injectable()
    class Deep {
      @Consumer()
      where(): string {
        return 'deep';
      }
    }
    @Module({ providers: [Deep] })
    class Lower {}
    @Module({ imports: [Lower] })
    class Upper {
      @Consumer('upper')
      where(): string {
        return 'module';
      }
    }
    const { funq } = await boot({ imports: [Upper] });
    expect(await funq.ask(Deep).where()).toBe('deep');
    expect(await funq.ask('upper')).toBe('module');
  });

  it('on classes that inherit them, each with a queue of its own', async () => {
    const { funq } = await boot({ providers: [Heir, OtherHeir] });
    expect(await funq.ask(Heir).greet('a')).toBe('Heir a');
    expect(await funq.ask('OtherHeir.greet', ['b'])).toBe('OtherHeir b');
  });

  it('not on a method that overrides one without the decorator', async () => {
    const { funq } = await boot({ providers: [Heir, OtherHeir] });
    await expect(funq.ask(Heir).overridden()).rejects.toMatchObject({ code: 'FUNQ_CONSUMER_UNKNOWN' });
    expect(await funq.ask('redecorated')).toBe('other heir');
  });

  it('on the instance that Nest holds, with its dependencies', async () => {
    @Injectable()
    class Counter {
      count = 0;
    }
    @Injectable()
    class Counting {
      constructor(readonly counter: Counter) {}
      @Consumer()
      up(): number {
        return ++this.counter.count;
      }
    }
    const { funq, app } = await boot({ providers: [Counter, Counting] });
    await funq.ask(Counting).up();
    await funq.ask(Counting).up();
    expect(app.get(Counter).count).toBe(2);
  });

  it('on transient providers, with their dependencies and fields', async () => {
    @Injectable()
    class Settings {
      readonly factor = 10;
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      readonly added = 1;
      constructor(readonly settings: Settings) {}
      @Consumer()
      work(n: number): number {
        return n * this.settings.factor + this.added;
      }
    }
    const { funq } = await boot({ providers: [Settings, Transient] });
    expect(await funq.ask(Transient).work(2)).toBe(21);
    expect(await funq.ask(Transient).work(3)).toBe(31);
  });

  it('before any task is lost: what was published in onModuleInit is executed', async () => {
    const ran = signal<string>();
    @Injectable()
    class Early {
      @Consumer()
      work(what: string): void {
        ran.resolve(what);
      }
    }
    const { funq, events } = await boot({ providers: [Early] });
    await done(events, () => funq.to(Early).work('x'));
    expect(await ran.promise).toBe('x');
  });
});
