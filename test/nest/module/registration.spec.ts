import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  Consumer,
  FUNQ_CLOCK,
  FunqModule,
  InjectBroker,
  InjectStore,
  getBrokerToken,
  getStoreToken,
  type Broker,
  type FunqAsyncOptions,
  type FunqOptions,
  type FunqOptionsFactory,
  type ResultStore,
} from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { boot, bootModule, funqModule, refused } from '../support/app.js';

@Injectable()
class Sums {
  @Consumer()
  add(a: number, b: number): number {
    return a + b;
  }
}

@Injectable()
class Made implements FunqOptionsFactory {
  made = 0;
  async createFunqOptions(): Promise<FunqOptions> {
    this.made++;
    return { brokers: { default: memory() } };
  }
}

@Module({ providers: [Made, { provide: 'KIND', useValue: memory }], exports: [Made, 'KIND'] })
class SettingsModule {}

describe('forRootAsync', () => {
  it.each<[string, FunqAsyncOptions]>([
    ['a factory', { useFactory: () => ({ brokers: { default: memory() } }) }],
    ['a factory that takes its time', { useFactory: async () => ({ brokers: { default: memory() } }) }],
    [
      'a factory of injected providers',
      {
        imports: [SettingsModule],
        inject: ['KIND', { token: 'ABSENT', optional: true }],
        useFactory: (kind: typeof memory, absent: unknown) => ({ brokers: { [absent ? 'no' : 'default']: kind() } }),
      },
    ],
    ['a class', { useClass: Made }],
    ['an existing provider', { imports: [SettingsModule], useExisting: Made }],
  ])('takes options from %s', async (_name, options) => {
    const { funq } = await bootModule({ imports: [FunqModule.forRootAsync(options)], providers: [Sums] });
    expect(await funq.ask(Sums).add(1, 2)).toBe(3);
  });

  it('asks an existing provider once', async () => {
    const { app } = await bootModule({
      imports: [FunqModule.forRootAsync({ imports: [SettingsModule], useExisting: Made })],
      providers: [Sums],
    });
    expect(app.get(Made).made).toBe(1);
  });

  it('refuses what can not work, when the factory has answered', async () => {
    const start = (options: unknown): Promise<unknown> =>
      bootModule({ imports: [FunqModule.forRootAsync({ useFactory: () => options as FunqOptions })] });
    expect((await refused(() => start(undefined))).message).toContain('give options, at least { brokers:');
    expect((await refused(() => start({ brokers: {} }))).message).toContain('must name at least one broker');
    expect((await refused(() => start({ brokers: { default: memory } }))).message).toContain(
      "'default' is not a broker; call its factory",
    );
  });

  it('refuses to be given no source of options', async () => {
    expect((await refused(() => FunqModule.forRootAsync({}))).message).toContain('useFactory, useClass or useExisting');
  });

  it('refuses statics that a factory returns, for they would be without effect', async () => {
    const useFactory = (): FunqOptions => ({ brokers: { default: memory() }, controls: [] }) as FunqOptions;
    const { message } = await refused(() => bootModule({ imports: [FunqModule.forRootAsync({ useFactory })] }));
    expect(message).toContain('controls');
    expect(message).toContain('forRootAsync({ controls');
  });
});

describe('forRoot', () => {
  it.each<[string, object, string]>([
    ['an unknown option', { broker: memory() }, 'FunqModule: broker is an object, but is unknown; known are brokers'],
    ['a payload out of range', { maxPayload: 10 }, 'FunqModule: maxPayload is 10'],
    ['a block that is too short', { maxBlock: '10ms' }, 'FunqModule: maxBlock is "10ms", but must be between 1000 ms'],
    ['a grace that is no duration', { shutdownGrace: 'long' }, 'FunqModule: shutdownGrace is "long"'],
    [
      'a store that is none',
      { stores: { results: memoryResults } },
      'FunqModule: stores: results is a function, but must be a store; call its factory',
    ],
    [
      'an unknown store',
      { stores: { result: memoryResults() } },
      'FunqModule: stores: result is an object, but is unknown',
    ],
    [
      'a bad choice of consumers',
      { consume: { queues: 'weather' } },
      'consume is an object, but must be true, false, or',
    ],
    ['an unknown choice', { consume: { queue: [] } }, 'FunqModule: consume: queue is a list, but is unknown'],
    ['bad defaults', { defaults: { retry: 'often' } }, 'retry is "often"'],
    ['unknown defaults', { defaults: { retrys: 3 } }, 'retrys is 3, but is unknown'],
    ['defaults that only one consumer can have', { defaults: { queue: 'all' } }, 'queue'],
  ])('refuses %s at the place where it is written', async (_name, options, message) => {
    const error = await refused(() => funqModule(options));
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toContain(message);
  });

  it('refuses no options at all', async () => {
    const { message } = await refused(() => FunqModule.forRoot(undefined as unknown as FunqOptions));
    expect(message).toContain('must name at least one broker');
  });

  it('takes stores that are left undefined as absent', async () => {
    const { funq } = await boot(
      { providers: [Sums] },
      { stores: { results: undefined, coordination: memoryCoordination() } },
    );
    expect(await funq.ask(Sums).add(1, 1)).toBe(2);
  });
});

describe('what the module registers', () => {
  it('can be injected by token, also by name', async () => {
    @Injectable()
    class Wants {
      constructor(
        @InjectBroker() readonly broker: Broker,
        @InjectBroker('orders') readonly orders: Broker,
        @InjectStore('results') readonly results: ResultStore,
      ) {}
    }
    const brokers = { default: memory(), orders: memory() };
    const stores = { results: memoryResults(), coordination: memoryCoordination() };
    @Module({ providers: [Wants] })
    class FeatureModule {}
    const { app } = await boot({ imports: [FeatureModule] }, { brokers, stores });
    const wants = app.get(Wants);
    expect([wants.broker, wants.orders, wants.results]).toEqual([brokers.default, brokers.orders, stores.results]);
    expect(app.get(getBrokerToken())).toBe(brokers.default);
    expect(app.get(getStoreToken('coordination'))).toBe(stores.coordination);
    expect(app.get<{ now(): number }>(FUNQ_CLOCK).now()).toBeGreaterThan(0);
  });

  it('has named brokers by token from forRootAsync too, when it is told their names', async () => {
    const brokers = { default: memory(), orders: memory() };
    const { app } = await bootModule({
      imports: [FunqModule.forRootAsync({ brokers: ['default', 'orders'], useFactory: () => ({ brokers }) })],
    });
    expect(app.get(getBrokerToken('orders'))).toBe(brokers.orders);
  });

  it('refuses a told name that the factory does not know', async () => {
    const options: FunqAsyncOptions = {
      brokers: ['default', 'ordres'],
      useFactory: () => ({ brokers: { default: memory() } }),
    };
    const error = await refused(() => bootModule({ imports: [FunqModule.forRootAsync(options)] }));
    expect(error).toMatchObject({ code: 'FUNQ_BROKER_UNKNOWN' });
    expect(error.message).toContain("'ordres'");
  });

  it('works without a broker called default when every consumer names its own', async () => {
    @Injectable()
    class Other {
      @Consumer({ broker: 'main' })
      run(): string {
        return 'x';
      }
    }
    const { funq } = await boot({ providers: [Other] }, { brokers: { main: memory() } });
    expect(await funq.ask(Other).run()).toBe('x');
    const async = await bootModule({
      imports: [FunqModule.forRootAsync({ useFactory: () => ({ brokers: { main: memory() } }) })],
      providers: [Other],
    });
    expect(await async.funq.ask(Other).run()).toBe('x');
  });
});

describe('the module imported more than once', () => {
  it('is refused when there are two sets of options', async () => {
    @Module({ imports: [funqModule()] })
    class Feature {}
    const error = await refused(() => bootModule({ imports: [funqModule(), Feature], providers: [Sums] }));
    expect(error.code).toBe('FUNQ_OPTION_INVALID');
    expect(error.message).toContain('import it once, in the root module');
  });

  it.each<[string, () => { imports: DynamicModule['imports'] }]>([
    [
      'the same dynamic module',
      () => {
        const shared = funqModule();
        @Module({ imports: [shared] })
        class Feature {}
        return { imports: [shared, Feature] };
      },
    ],
    [
      'the bare class beside it',
      () => {
        @Module({ imports: [FunqModule] })
        class Feature {}
        return { imports: [funqModule(), Feature] };
      },
    ],
  ])('is harmless with %s', async (_name, metadata) => {
    const { funq } = await bootModule({ ...metadata(), providers: [Sums] });
    expect(await funq.ask(Sums).add(2, 2)).toBe(4);
  });

  it('is refused as the bare class alone: nothing would be consumed', async () => {
    const error = await refused(() => bootModule({ imports: [FunqModule], providers: [Sums] }));
    expect(error.message).toContain('FunqModule.forRoot');
  });
});
