import { Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, FunqEvents, type ConsumerOptions } from 'nestjs-funq';
import { boot, refusal } from '../support/app.js';

@Injectable()
class ConfigService {
  readonly values: Readonly<Record<string, unknown>> = { QUEUE: 'from-config', RETRIES: 2 };
  get<T>(key: string): T {
    return this.values[key] as T;
  }
}

@Module({ providers: [ConfigService, { provide: 'PREFIX', useValue: 'a.' }], exports: [ConfigService] })
class ConfigModule {}

@Injectable()
class Configured {
  @Consumer(
    (config: ConfigService, prefix: string): ConsumerOptions => ({
      queue: prefix + config.get<string>('QUEUE'),
      retry: config.get<number>('RETRIES'),
    }),
    [ConfigService, 'PREFIX'],
  )
  run(): never {
    throw new Error('again');
  }
}

describe('options that come from injected providers', () => {
  it('are resolved, whatever module provides them', async () => {
    const { funq, events } = await boot({ imports: [ConfigModule], providers: [Configured] });
    const ended = events.next('dead');
    await funq.to(Configured).run();
    const { queue, task } = await ended;
    expect([queue, task?.attempt]).toEqual(['a.from-config', 3]);
  });

  it('are asked for once', async () => {
    let calls = 0;
    @Injectable()
    class Once {
      @Consumer(() => {
        calls++;
        return { queue: 'once' };
      }, [])
      run(): number {
        return calls;
      }
    }
    const { funq } = await boot({ providers: [Once] });
    expect([await funq.ask(Once).run(), await funq.ask(Once).run(), calls]).toEqual([1, 1, 1]);
  });

  it('have the defaults below them', async () => {
    @Injectable()
    class Some {
      @Consumer(() => ({ retry: undefined }), [])
      run(): never {
        throw new Error('again');
      }
    }
    const { funq, events } = await boot({ providers: [Some] }, { defaults: { retry: 1 } });
    const ended = events.next('dead');
    await funq.to(Some).run();
    expect((await ended).task?.attempt).toBe(2);
  });

  it('are refused when nothing provides what they ask for', async () => {
    const error = await refusal({ providers: [Configured] });
    expect(error).toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
      message: 'Configured.run: @Consumer() asks for ConfigService, which no module of the app provides',
    });
  });

  it('are refused when they make no sense', async () => {
    @Injectable()
    class Wrong {
      @Consumer(() => ({ retry: -1 }), [])
      run(): void {}
    }
    expect((await refusal({ providers: [Wrong] })).message).toContain('Wrong.run: retry is -1');
    @Injectable()
    class Nothing {
      @Consumer(() => undefined as unknown as ConsumerOptions, [])
      run(): void {}
    }
    expect((await refusal({ providers: [Nothing] })).message).toContain('Nothing.run');
    @Injectable()
    class Later {
      @Consumer((async () => ({})) as unknown as () => ConsumerOptions, [])
      run(): void {}
    }
    expect((await refusal({ providers: [Later] })).message).toContain('Later.run');
  });

  it('name the queue with options behind it', async () => {
    @Injectable()
    class Named {
      @Consumer('first', { deadLetter: 'grave' })
      run(): never {
        throw new Error('no');
      }
    }
    const { funq, app } = await boot({ providers: [Named] });
    const ended = app.get(FunqEvents).next('dead');
    await funq.publish('first');
    expect((await ended).deadLetter).toBe('grave');
  });
});
