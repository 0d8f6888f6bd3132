import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Consumer, type Broker, type FunqOptions } from 'nestjs-funq';
import { memory, type MemoryQueues } from 'nestjs-funq/memory';
import { boot, refusal } from '../support/app.js';

@Injectable()
class Jobs {
  @Consumer({ queue: 'alone' })
  alone(): void {}
  @Consumer({ queue: 'night-1', group: 'night' })
  night1(): void {}
  @Consumer({ queue: 'night-2', group: 'night' })
  night2(): void {}
  @Consumer({ queue: 'day', group: 'day' })
  day(): void {}
}

/** The queues that an app with this choice subscribes to. */
async function subscribed(consume: FunqOptions['consume']): Promise<string[]> {
  const queues: string[] = [];
  const inner = memory();
  const broker: Broker = {
    ...inner,
    subscribe: (queue, options) => {
      queues.push(queue);
      return inner.subscribe(queue, options);
    },
  };
  await boot({ providers: [Jobs] }, { brokers: { default: broker }, ...(consume !== undefined && { consume }) });
  return queues.toSorted();
}

describe('what a process consumes', () => {
  const all = ['alone', 'day', 'night-1', 'night-2'];

  it.each<[string, FunqOptions['consume'], string[]]>([
    ['everything by itself', undefined, all],
    ['everything', true, all],
    ['nothing', false, []],
    ['some queues', { queues: ['alone', 'day'] }, ['alone', 'day']],
    ['a group', { groups: ['night'] }, ['night-1', 'night-2']],
    ['queues and groups', { queues: ['alone'], groups: ['night', 'day'] }, all],
    ['a group of which there is nothing', { groups: ['dawn'] }, []],
  ])('can be %s', async (_name, consume, expected) => {
    expect(await subscribed(consume)).toEqual(expected);
  });

  it('is told when it names what no consumer has', async () => {
    @Injectable()
    class Jobs {
      @Consumer({ queue: 'alone', group: 'day' })
      run(): void {}
    }
    const { log } = await boot(
      { providers: [Jobs] },
      { consume: { queues: ['alone', 'alnoe'], groups: ['day', 'dawn'] } },
    );
    expect(log.find('consume names').map(({ text }) => text)).toEqual([
      "consume names queue 'alnoe', group 'dawn', which no consumer of this app has",
    ]);
  });

  it('can be the group of the defaults', async () => {
    @Injectable()
    class Grouped {
      @Consumer()
      run(): string {
        return 'ran';
      }
    }
    const { funq } = await boot({ providers: [Grouped] }, { defaults: { group: 'g' }, consume: { groups: ['g'] } });
    expect(await funq.ask(Grouped).run()).toBe('ran');
  });

  it('leaves a process that consumes nothing free to publish and to ask', async () => {
    @Injectable()
    class Sums {
      @Consumer()
      add(a: number, b: number): number {
        return a + b;
      }
    }
    const queues: MemoryQueues = new Map();
    const brokers = (): FunqOptions['brokers'] => ({ default: memory({ queues }) });
    const front = await boot({ providers: [Sums] }, { brokers: brokers(), consume: false });
    const back = await boot({ providers: [Sums] }, { brokers: brokers() });
    const done = back.events.next('done');
    await front.funq.to(Sums).add(1, 2);
    expect((await done).value).toBe(3);
    expect(await front.funq.ask(Sums).add(3, 4)).toBe(7);
    const byName = await boot({}, { brokers: brokers() });
    expect(await byName.funq.ask('Sums.add', [5, 6])).toBe(11);
  });

  it('refuses mistakes also in what it does not consume', async () => {
    @Injectable()
    class Wrong {
      @Consumer({ broker: 'gone' })
      run(): void {}
    }
    expect((await refusal({ providers: [Wrong] }, { consume: false })).code).toBe('FUNQ_BROKER_UNKNOWN');
  });
});
