import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { Consumer, getBrokerToken, type Broker, type FunqPublisher } from 'nestjs-funq';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { boot } from '../nest/support/app.js';
import { putRaw } from './queues.js';

type Fields = Record<string, unknown>;

/** As careless as a handler can be: with a dangerous key in it, `from` changes what all objects are. */
function merge(into: Fields, from: Fields): Fields {
  for (const key of Object.keys(from)) {
    const [old, item] = [into[key], from[key]];
    if (typeof item !== 'object' || item === null) into[key] = item;
    else if (typeof old === 'object' || typeof old === 'function') merge(old as Fields, item as Fields);
    else into[key] = item;
  }
  return into;
}

@Injectable()
class Careless {
  @Consumer('merge')
  merge(value: Fields): unknown {
    return merge({}, value);
  }

  @Consumer('__proto__')
  proto(): string {
    return '__proto__';
  }

  @Consumer('constructor')
  ctor(): string {
    return 'constructor';
  }

  @Consumer('toString')
  text(): string {
    return 'toString';
  }
}

const P = '{"polluted":true}';
const ARGS = [
  `{"__proto__":${P}}`, `{"a":{"__proto__":${P}}}`, `[{"__proto__":${P}}]`, `{"__proto__":null}`, `{"__proto__":[]}`, `{"__proto__":"x"}`,
  `{"\\u005f\\u005fproto\\u005f\\u005f":${P}}`, `{"constructor":{"prototype":${P}}}`, `{"a":{"constructor":{"prototype":${P}}}}`,
  `{"constructor":{"prototype":{"toString":1}}}`, `{"$literal":{"__proto__":${P}}}`, `{"$literal":{"constructor":{"prototype":${P}}}}`,
  `{"constructor":{"$literal":{"prototype":${P}}}}`, `{"$map":[["__proto__",${P}]]}`, `{"$map":[["constructor",{"prototype":${P}}]]}`,
  `{"$map":[[{"__proto__":${P}},1]]}`, `{"$set":[{"__proto__":${P}}]}`, `{"$number":"__proto__"}`, `{"$array":["__proto__","AAAA"]}`,
  `{"$array":["constructor","AAAA"]}`, `{"prototype":${P}}`, `{"__defineGetter__":"polluted"}`, `{"__lookupGetter__":1,"hasOwnProperty":1}`,
  `{"constructor":{"name":"Object"}}`,
]; // prettier-ignore

const FIELDS = [
  `"__proto__":${P}`, `"constructor":{"prototype":${P}}`, `"headers":{"__proto__":"x"}`, `"headers":{"__proto__":${P}}`,
  `"headers":{"constructor":"x"}`, `"options":{"__proto__":${P}}`, `"options":{"constructor":{"prototype":${P}}}`,
  `"options":{"retry":{"__proto__":{"times":3}}}`, `"options":{"filter":{"__proto__":${P}}}`, `"options":{"__proto__":{"retry":3}}`,
  `"options":{"toString":1}`, `"options":{"deadLetter":"__proto__"}`, `"reply":{"__proto__":${P}}`,
  `"reply":{"queue":"__proto__","call":"__proto__","until":9e15}`, `"errors":[{"__proto__":${P}}]`,
  `"errors":[{"name":"x","message":"x","cause":{"name":"x","message":"x","__proto__":${P}}}]`, `"key":"__proto__"`, `"unknown":{"deep":{"__proto__":${P}}}`,
]; // prettier-ignore

const body = (args: string, fields = '"unused":0'): string =>
  `{"v":1,"id":"__proto__","args":[${args}],"publishedAt":0,"attempt":1,${fields}}`;

const clean = Object.getOwnPropertyNames(Object.prototype);
afterEach(() => {
  expect(({} as Fields)['polluted']).toBeUndefined();
  expect(([] as unknown as Fields)['polluted']).toBeUndefined();
  expect(({} as Fields)['retry']).toBeUndefined();
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(clean);
});

describe('keys that could change what objects are', () => {
  it.each([
    ...ARGS.map((text) => ['the arguments', body(text)]),
    ...FIELDS.map((text) => ['the envelope', body('{}', text)]),
  ])('in %s do nothing: %s', async (_where, raw) => {
    const { app, events } = await boot({ providers: [Careless] });
    const ended = Promise.race([events.next('dead'), events.next('done')]);
    await putRaw(app.get<Broker>(getBrokerToken()), 'merge', [raw]);
    await ended;
    expect(({} as Fields)['polluted']).toBeUndefined();
  });

  it('do nothing where __proto__ is switched off', async () => {
    const path = fileURLToPath(new URL('no-proto.mjs', import.meta.url));
    const child = fork(path, { execArgv: ['--disable-proto=throw'] });
    onTestFinished(() => void child.kill());
    const ended = once(child, 'exit');
    /** What it says next, or its exit code. */
    const heard = async (): Promise<unknown> => ((await Promise.race([once(child, 'message'), ended])) as unknown[])[0];
    expect(await heard()).toBe('ready');
    const sent = [...ARGS.map((text) => body(text)), ...FIELDS.map((text) => body('{}', text))];
    child.send(sent);
    const outcome = (await heard()) as { done: number; dead: number; polluted?: unknown };
    expect(outcome.done + outcome.dead).toBe(sent.length);
    expect(outcome.dead).toBeGreaterThan(sent.length / 2);
    expect(outcome.polluted).toBeUndefined();
    expect(await ended).toEqual([0, null]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('%s is a queue like any other', async (queue) => {
    const { events, funq } = await boot({ providers: [Careless] });
    const done = events.next('done');
    await funq.publish(queue);
    expect(await done).toMatchObject({ value: queue, task: { queue } });
    await expect(funq.ask(queue)).resolves.toBe(queue);
  });

  it.each(['hasOwnProperty', 'valueOf', '__defineGetter__', 'isPrototypeOf'])(
    '%s names a queue that nobody consumes',
    async (queue) => {
      const { app, funq } = await boot({ providers: [Careless] });
      await funq.publish(queue, [1]);
      expect(await app.get<Broker>(getBrokerToken()).count!(queue)).toBe(1);
    },
  );

  it.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', '__defineGetter__', 'nothing', 'call'])(
    '%s is no consumer of a class',
    async (method) => {
      const { funq } = await boot({ providers: [Careless] });
      for (const remote of [funq.to(Careless), funq.ask(Careless)]) {
        const call = (remote as unknown as Record<string, (() => Promise<unknown>) | undefined>)[method];
        expect(call === undefined).toBe(method in Object.prototype);
        if (call) await expect(call()).rejects.toMatchObject({ code: 'FUNQ_CONSUMER_UNKNOWN' });
      }
    },
  );

  it.each<[string, (funq: FunqPublisher) => Promise<unknown>]>([
    ['an argument', (funq) => funq.publish('merge', [JSON.parse(`{"__proto__":${P}}`)])],
    ['an argument of ask', (funq) => funq.ask('merge', [{ constructor: { prototype: {} } }])],
    [
      'a header',
      (funq) => funq.publish('merge', [], { headers: JSON.parse('{"__proto__":"x"}') as Record<string, string> }),
    ],
    ['an option', (funq) => funq.publish('merge', [], JSON.parse(`{"__proto__":${P}}`) as object)],
    [
      'a nested option',
      (funq) => funq.publish('merge', [], { retry: JSON.parse('{"times":1,"__proto__":{}}') as { times: number } }),
    ],
    ['an inherited broker', (funq) => funq.publish('merge', [], { broker: '__proto__' })],
    ['another inherited broker', (funq) => funq.publish('merge', [], { broker: 'constructor' })],
  ])('are refused when they are published in %s', async (_where, publish) => {
    const { app, funq } = await boot({ providers: [Careless] });
    await expect(publish(funq)).rejects.toMatchObject({
      code: expect.stringMatching(/^FUNQ_(UNSERIALIZABLE|OPTION_INVALID|BROKER_UNKNOWN)$/),
    });
    expect(await app.get<Broker>(getBrokerToken()).count!('merge')).toBe(0);
  });
});
