import { Controller, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import type { Broker } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { FUNQ_TRANSPORT, FunqClient, FunqServer, patternQueue } from 'nestjs-funq/microservice';
import { limited } from '../nest/support/brokers.js';
import { refused } from '../nest/support/app.js';
import { Stage, all } from './support.js';

const refusal = (controller: Type, options = {}) =>
  refused(() => new Stage(() => memory()).serve({ controllers: [controller] }, options));

function events(patterns: string | string[], extras: Record<string, unknown>): Type {
  @Controller()
  class Listener {
    @EventPattern(patterns, extras)
    on(_data: unknown): void {}
  }
  return Listener;
}

describe("a pattern's queue", () => {
  it('is the pattern where that can name a queue', () => {
    expect(patternQueue('orders.paid')).toBe('orders.paid');
    expect(patternQueue('orders.paid', 'shop:')).toBe('shop:orders.paid');
  });

  it('can be read, and is no other pattern’s, where it can not', () => {
    expect(patternQueue('{"cmd":"sum"}')).toMatch(/^cmd-sum:[\w-]{22}$/);
    expect(patternQueue('users/get one')).toMatch(/^users-get-one:[\w-]{22}$/);
    expect(patternQueue('ü')).toMatch(/^:[\w-]{22}$/);
    const long = 'x'.repeat(200);
    expect(patternQueue(long).length).toBeLessThan(100);
    const names = ['a b', 'a  b', 'a-b ', '{"a":"b"}', '{"a":b}', long, `${long}y`].map((route) => patternQueue(route));
    expect(new Set(names).size).toBe(names.length);
  });

  it('is each wildcard’s own, and not made of nothing', () => {
    const names = ['orders.*', 'orders.#', 'orders.', '*', '#'].map((route) => patternQueue(route, 'shop.'));
    expect(names[0]).toMatch(/^shop\.orders\.:[\w-]{22}$/);
    expect(new Set(names).size).toBe(names.length);
    expect(() => patternQueue('')).toThrow(/can't name a queue/);
    expect(patternQueue('2*3')).toMatch(/^2-3:/);
  });
});

describe('a wildcard', () => {
  const wild = (): Broker => limited({ wildcards: true });

  it.each(['orders.*', '*', 'orders.#', 'a.>', 'a/+/b', 'a/**'])(
    '%s is refused where the broker has none',
    async (route) => {
      const error = await refusal(events(route, {}));
      expect(error).toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
      expect(error.message).toContain(`the pattern '${route}' has a wildcard`);
      expect(error.message).toContain('rabbitmq({ wildcards: true })');
    },
  );

  it.each(['a.>', 'a/*', 'a/+/b', 'a.**'])('%s of another kind is refused where it has some', async (route) => {
    const error = await refusal(events(route, {}), { broker: wild() });
    expect(error).toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
    expect(error.message).toContain("write '*' for one word");
  });

  it('that begins a pattern needs a prefix that ends with a dot', async () => {
    for (const route of ['*.paid', '#']) {
      const error = await refusal(events(route, {}), { broker: wild(), prefix: 'shop:' });
      expect(error).toMatchObject({ code: 'FUNQ_OPTION_INVALID' });
      expect(error.message).toContain("end the prefix 'shop:' with a dot");
    }
    const stage = new Stage(wild);
    await stage.serve({ controllers: [events(['paid.*', '2*3', '{a.*.b}'], {})] }, { prefix: 'shop:' });
    await stage.serve({ controllers: [events('*.paid', {})] }, { prefix: 'shop.' });
    await stage.serve({ controllers: [events('*.paid', {})] }, { prefix: '' });
  });

  it.each([
    ['memory', () => memory()],
    ['a broker with wildcards', wild],
  ])('is nothing to send to, over %s', async (_, place) => {
    const client = new Stage(place).client();
    for (const route of ['orders.*', '#', 'a.>']) {
      const refused = { code: 'FUNQ_FEATURE_UNSUPPORTED', message: expect.stringContaining('one name') as string };
      await expect(all(client.emit(route, 1))).rejects.toMatchObject(refused);
      await expect(all(client.send(route, 1))).rejects.toMatchObject(refused);
    }
  });
});

describe('options of a pattern', () => {
  it.each([
    [{ retry: -1 }, 'FUNQ_OPTION_INVALID', /^pattern x: retry is -1/],
    [{ retires: 3 }, 'FUNQ_OPTION_INVALID', /retires is 3, but is unknown/],
    [{ queue: 'y' }, 'FUNQ_OPTION_INVALID', /queue can't be an option of a pattern/],
    [{ schedule: { every: '1s' } }, 'FUNQ_OPTION_INVALID', /schedule can't be an option/],
    [{ filter: true }, 'FUNQ_STORE_MISSING', /filter needs a store/],
  ])('%j is refused when the app starts', async (extras, code, message) => {
    const error = await refusal(events('x', extras));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });

  it('that the broker can not honour are refused', async () => {
    const broker = limited({ priority: false });
    expect(await refusal(events('x', { priority: 1 }), { broker })).toMatchObject({ code: 'FUNQ_FEATURE_UNSUPPORTED' });
  });

  it('must not differ between the handlers of one event', async () => {
    @Controller()
    class Two {
      @EventPattern('x', { retry: 1 })
      one(_data: unknown): void {}
      @EventPattern('x', { retry: 2 })
      two(_data: unknown): void {}
    }
    expect(await refusal(Two)).toMatchObject({
      code: 'FUNQ_OPTION_INVALID',
      message: expect.stringContaining('options that differ') as string,
    });
  });
});

describe('options of the two', () => {
  it.each([
    [{}, /brokers .*is not a broker/],
    [{ broker: memory(), brokr: 1 }, /brokr is 1, but is unknown/],
    [{ broker: memory(), maxBuffer: 0 }, /maxBuffer is 0/],
    [{ broker: memory(), maxPayload: 1 }, /maxPayload is 1/],
  ])('%# are checked', (options, message) => {
    expect(() => new FunqServer(options as never)).toThrow(message);
    expect(() => new FunqClient(options as never)).toThrow(message);
  });

  it('take an empty prefix for none', () => {
    expect(() => new FunqServer({ broker: memory(), prefix: '' })).not.toThrow();
    expect(() => new FunqClient({ broker: memory(), prefix: '\n' })).toThrow(/prefix is/);
  });

  it('know each other’s apart', () => {
    expect(() => new FunqClient({ broker: memory(), timeout: 'soon' })).toThrow(/timeout is "soon"/);
    expect(() => new FunqServer({ broker: memory(), timeout: 1 } as never)).toThrow(/timeout is 1, but is unknown/);
    expect(() => new FunqServer({ broker: memory(), defaults: { retry: -1 } })).toThrow(/FunqServer: defaults/);
  });
});

describe('handlers of another transport', () => {
  it('are left to it', async () => {
    @Controller()
    class Mixed {
      @MessagePattern('mine', FUNQ_TRANSPORT)
      mine(): number {
        return 1;
      }
      @MessagePattern('theirs', Transport.TCP)
      theirs(): number {
        return 2;
      }
    }
    const { server } = await new Stage(() => memory()).serve({ controllers: [Mixed] });
    expect([...server.getHandlers().keys()]).toEqual(['mine']);
  });
});
