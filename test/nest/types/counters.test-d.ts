import { expectTypeOf, test } from 'vitest';
import { FunqModule, type Broker, type ConsumerCounters, type FunqCounters, type TaskCounts } from 'nestjs-funq';

declare const counters: FunqCounters;
declare const broker: Broker;
declare class Jobs {
  readonly name: string;
  run(): void;
}

test('counters are read by method or by queue', () => {
  expectTypeOf(counters.of(Jobs, 'run')).resolves.toEqualTypeOf<ConsumerCounters>();
  expectTypeOf(counters.of('jobs', 'other')).resolves.toEqualTypeOf<ConsumerCounters>();
  expectTypeOf(counters.all()).resolves.items.toEqualTypeOf<ConsumerCounters>();
  // @ts-expect-error: the class has no such method
  void counters.of(Jobs, 'walk');
  // @ts-expect-error: which of the methods?
  void counters.of(Jobs);
});

test('counts are numbers, and the time left says when it has no end', () => {
  expectTypeOf<ConsumerCounters['last10s']>().toExtend<TaskCounts>();
  expectTypeOf<ConsumerCounters['eta']>().toEqualTypeOf<number | 'growing' | undefined>();
});

test('the report has a period, or is off', () => {
  FunqModule.forRoot({ brokers: { default: broker }, report: '5m' });
  FunqModule.forRoot({ brokers: { default: broker }, report: false });
  // @ts-expect-error: the default period is left out, not `true`
  FunqModule.forRoot({ brokers: { default: broker }, report: true });
});
