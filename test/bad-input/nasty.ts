/** What a handler may throw, as `[what it is, makes it, a text that the record's message must contain]`. */
export const NASTY: readonly (readonly [string, () => unknown, string])[] = [
  ['undefined', () => undefined, 'undefined'],
  ['null', () => null, 'null'],
  ['a text', () => 'just text', 'just text'],
  ['an empty text', () => '', 'thrown value'],
  ['a number', () => 42, '42'],
  ['NaN', () => NaN, 'NaN'],
  ['false', () => false, 'false'],
  ['a bigint', () => 10n ** 40n, '1'.padEnd(41, '0')],
  ['a symbol', () => Symbol('mark'), 'Symbol(mark)'],
  ['a function', () => () => 1, ''],
  ['an object', () => ({ status: 500 }), '{"status":500}'],
  ['a list', () => [1, 2], '[1,2]'],
  ['a frozen object', () => Object.freeze({ message: 'cold' }), 'cold'],
  ['a frozen error', () => Object.freeze(new Error('cold')), 'cold'],
  ['an object without a prototype', () => Object.assign(Object.create(null), { message: 'bare' }), 'bare'],
  ['an empty object without a prototype', () => Object.create(null), '{}'],
  ['a Proxy', () => new Proxy(new Error('behind'), {}), 'behind'],
  ['a revoked Proxy', () => revoked({}), 'unprintable'],
  ['a revoked Proxy of a function', () => revoked(() => 1), ''],
  ['a Proxy of which every trap throws', () => new Proxy({}, hostile), 'unprintable'],
  ['an error with getters that throw', () => withGetters(), 'unprintable'],
  ['an error whose name, message and stack are no texts', () => odd(), '{"name":5'],
  ['an error without a stack', () => Object.assign(new Error('plain'), { stack: undefined }), 'plain'],
  ['an error of which toString throws', () => Object.assign(new Error('mute'), { toString: fail }), 'mute'],
  ['an error of which toJSON throws', () => ({ toJSON: fail }), 'unprintable'],
  ['an error with a message of 10 MB', () => new Error('x'.repeat(10_000_000)), 'xxx'],
  ['an error with an empty message', () => new Error(), ''],
  ['an AggregateError', () => new AggregateError([new Error('first'), 'second'], 'several'), 'several'],
  ['an AggregateError of nothing', () => new AggregateError([]), ''],
  ['a chain of 20 causes', () => chain(20), 'link 20'],
  ['an error that causes itself', () => circular(), 'circular'],
  ['a cause that is no error', () => new Error('why', { cause: 'a text' }), 'why'],
  ['an object that contains itself', () => selfish(), 'unprintable'],
  ['an instance of a class', () => new Refusal('no'), 'no'],
  ['an error that is a Promise', () => Promise.resolve(1), ''],
  ['an error with code as a symbol', () => Object.assign(new Error('coded'), { code: Symbol('x') }), 'coded'],
  ['an error with a numeric code', () => Object.assign(new Error('coded'), { code: 404 }), 'coded'],
  ['an error that looks like a requeue', () => Object.assign(new Error('fake'), { name: 'RequeueError', code: 'FUNQ_REQUEUE' }), 'fake'],
]; // prettier-ignore

/** Values of which `instanceof` itself throws. */
export const HOSTILE = ['a revoked Proxy', 'a revoked Proxy of a function', 'a Proxy of which every trap throws'];

class Refusal {
  constructor(readonly message: string) {}
}

const fail = (): never => {
  throw new Error('from within');
};

const hostile: ProxyHandler<object> = {
  get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail, set: fail, isExtensible: fail,
}; // prettier-ignore

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function withGetters(): unknown {
  const error = new Error('hidden');
  for (const key of ['stack', 'name', 'message', 'cause', 'code', 'errors', 'toJSON'])
    Object.defineProperty(error, key, { get: fail });
  return error;
}

function odd(): unknown {
  return Object.assign(new Error('odd'), { name: 5, message: { deep: true }, stack: ['a'] });
}

function chain(length: number): Error {
  const cause = length > 1 ? chain(length - 1) : undefined;
  return new Error(`link ${length}`, cause && { cause });
}

function circular(): unknown {
  const error = new Error('circular');
  error.cause = error;
  return error;
}

function selfish(): unknown {
  const object: Record<string, unknown> = {};
  object['self'] = object;
  return object;
}
