import { Controller, Get, Inject, Injectable, UseInterceptors } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  Control,
  CurrentTask,
  currentTask,
  DEFAULT_CONTROLS,
  ExpiryInterceptor,
  FUNQ_CLOCK,
  FilterInterceptor,
  FunqEvents,
  FunqPublisher,
  RateLimitInterceptor,
  ResultInterceptor,
  RetryInterceptor,
  TimeoutInterceptor,
  type Clock,
  type ManagedTask,
  type Policy,
  type Task,
} from 'nestjs-funq';
import { ManualClock } from 'nestjs-funq/testing';
import { LogBook } from '../support/log-book.js';
import { boot, bootGlobal, dead, done, funqModule, signal } from '../support/app.js';

describe('the default controls', () => {
  it('stand in the documented order', () => {
    expect(DEFAULT_CONTROLS).toEqual([
      ExpiryInterceptor,
      FilterInterceptor,
      ResultInterceptor,
      RetryInterceptor,
      RateLimitInterceptor,
      ExpiryInterceptor,
      TimeoutInterceptor,
    ]);
    expect(Object.isFrozen(DEFAULT_CONTROLS)).toBe(true);
  });
});

describe('a control in place of another', () => {
  @Injectable()
  class Stubborn extends RetryInterceptor {
    override appliesTo(): boolean {
      return true;
    }
    override async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
      for (;;) {
        try {
          return await next();
        } catch (error) {
          if (task.attempt >= 7) throw error;
          task.nextAttempt();
        }
      }
    }
  }

  @Injectable()
  class Failing {
    @Consumer()
    run(@CurrentTask() task: Task): never {
      throw new Error(`attempt ${task.attempt}`);
    }
  }

  it('is used by every consumer', async () => {
    const controls = DEFAULT_CONTROLS.map((control) =>
      control === RetryInterceptor ? { provide: RetryInterceptor, useClass: Stubborn } : control,
    );
    const { funq, events, app } = await boot({ providers: [Failing] }, { controls });
    expect((await dead(events, () => funq.to(Failing).run())).letter.reason).toBe('attempt 7');
    expect(app.get(RetryInterceptor)).toBeInstanceOf(Stubborn);
  });

  it('may be put there by a test module', async () => {
    const app = await Test.createTestingModule({ imports: [funqModule()], providers: [Failing] })
      .overrideProvider(RetryInterceptor)
      .useClass(Stubborn)
      .setLogger(new LogBook())
      .compile();
    await app.init();
    const { letter } = await dead(app.get(FunqEvents), () => app.get(FunqPublisher).to(Failing).run());
    await app.close();
    expect(letter.reason).toBe('attempt 7');
  });
});

describe('a control of your own', () => {
  it('is made by Nest, sees policy and task, and says what becomes of the task', async () => {
    @Injectable()
    class Tenants {
      readonly blocked = ['evil'];
    }
    @Injectable()
    class TenantControl extends Control {
      constructor(
        private readonly tenants: Tenants,
        @Inject(FUNQ_CLOCK) private readonly clock: Clock,
      ) {
        super();
      }
      appliesTo(policy: Policy): boolean {
        return policy.queue === 'tenants';
      }
      async around(task: Task, next: () => Promise<unknown>): Promise<unknown> {
        if (!this.tenants.blocked.includes(task.headers['tenant'] ?? '')) return [await next(), this.clock.now() > 0];
        task.discard('this tenant is blocked');
        return undefined;
      }
    }
    let runs = 0;
    @Injectable()
    class Jobs {
      @Consumer('tenants')
      run(): string {
        runs++;
        return 'ran';
      }
      @Consumer('others')
      other(): string {
        return 'ran';
      }
    }
    const { funq, events } = await boot(
      { providers: [Jobs] },
      { controls: [TenantControl, ...DEFAULT_CONTROLS], extraProviders: [Tenants] },
    );
    expect(await funq.ask(Jobs, { headers: { tenant: 'good' } }).run()).toEqual(['ran', true]);
    expect(await funq.ask(Jobs, { headers: { tenant: 'evil' } }).other()).toBe('ran');
    const discarded = events.next('discarded');
    await funq.to(Jobs, { headers: { tenant: 'evil' } }).run();
    expect((await discarded).reason).toBe('this tenant is blocked');
    expect(runs).toBe(1);
  });

  it('that throws at once, without a promise, fails its task and nothing else', async () => {
    @Injectable()
    class Hasty extends Control {
      appliesTo(): boolean {
        return true;
      }
      around(): Promise<unknown> {
        throw new Error('hasty');
      }
    }
    @Injectable()
    class Jobs {
      @Consumer()
      run(): void {}
    }
    for (const controls of [[Hasty], [TimeoutInterceptor, Hasty], [Hasty, TimeoutInterceptor]]) {
      const { funq, events } = await boot({ providers: [Jobs] }, { controls, defaults: { timeout: '1h' } });
      expect((await dead(events, () => funq.to(Jobs).run())).letter.reason).toBe('hasty');
    }
  });
});

describe('a control used alone, as any interceptor', () => {
  @Injectable()
  class Slow {
    readonly ended = signal();
    @UseInterceptors(TimeoutInterceptor)
    @Consumer({ timeout: '10s' })
    async run(@CurrentTask() task: Task): Promise<void> {
      await new Promise((resolve) => task.signal.addEventListener('abort', resolve));
      this.ended.resolve();
    }
    @UseInterceptors(TimeoutInterceptor, RateLimitInterceptor, RetryInterceptor)
    @Consumer()
    unlimited(): string {
      return 'ran';
    }
  }

  it('does its work', async () => {
    const clock = new ManualClock();
    const { funq, events, app } = await boot({ providers: [Slow] }, { clock, controls: [] });
    const started = events.next('started');
    const ended = events.next('dead');
    await funq.to(Slow).run();
    await started;
    await clock.advance(10_000);
    expect((await ended).letter.code).toBe('timeout');
    await app.get(Slow).ended.promise;
  });

  it('steps aside where the policy has nothing for it', async () => {
    const { funq, events } = await boot({ providers: [Slow] }, { controls: [] });
    expect((await done(events, () => funq.to(Slow).unlimited())).value).toBe('ran');
  });

  it('steps aside in everything that is no task', async () => {
    @Controller()
    class Web {
      @Get()
      @UseInterceptors(RetryInterceptor)
      hello(): string {
        return 'hello';
      }
    }
    const { app } = await boot({
      controllers: [Web],
      providers: [{ provide: APP_INTERCEPTOR, useExisting: TimeoutInterceptor }],
    });
    const web = app.createNestApplication();
    await web.listen(0, '127.0.0.1');
    const { port } = (web.getHttpServer() as { address(): { port: number } }).address();
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.text()]).toEqual([200, 'hello']);
    await web.close();
  });

  it('applies once more where the consumer has it already', async () => {
    const attempts: unknown[] = [];
    @Injectable()
    class Twice {
      @UseInterceptors(RetryInterceptor)
      @Consumer({ retry: 2 })
      run(): never {
        attempts.push(currentTask()?.attempt);
        throw new Error('no');
      }
    }
    const { funq, events } = await bootGlobal({ providers: [Twice] }, () => undefined);
    expect((await dead(events, () => funq.to(Twice).run())).task?.attempt).toBe(3);
    expect(attempts).toEqual([1, 2, 3]);
  });
});
