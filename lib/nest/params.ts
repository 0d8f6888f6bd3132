import 'reflect-metadata';

/** Our own copy of a method's parameter metadata: the decorated parameters, and all others as arguments by position. */
export const PARAMS_METADATA = 'funq:params';

/** Nest's keys and numbers; they are part of how its decorators work, though not exported by name. */
const ROUTE_ARGS = '__routeArguments__';
const CUSTOM = '__customRouteArgs__';
const BODY = 3;

interface Param {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

/**
 * Writes the metadata that lets pipes see each argument with its declared type, and `createParamDecorator` decorators take
 * no argument's place. Returns how many arguments the declared parameters take.
 */
export function defineParams(type: object, method: string, original: (...args: never[]) => unknown): number {
  const decorated = (Reflect.getMetadata(ROUTE_ARGS, type, method) ?? {}) as Record<string, Param>;
  const declared = declaredParameters(type, method, original, Object.values(decorated));
  const params: Record<string, Param> = {};
  let position = 0;
  for (let index = 0; index < declared; index++) {
    const [key, param] = Object.entries(decorated).find(([, entry]) => entry.index === index) ?? [];
    if (key?.includes(CUSTOM)) params[key] = param!;
    else params[`${BODY}:${index}`] = { index, data: String(position++), pipes: param?.pipes ?? [] };
  }
  Reflect.defineMetadata(PARAMS_METADATA, params, type, method);
  return position;
}

/** Gives the argument at a position; the task stands behind the arguments and is never one. */
export const paramsFactory = {
  exchangeKeyForValue(_type: number, position: unknown, args: readonly unknown[]): unknown {
    const index = Number(position);
    return index < args.length - 1 ? args[index] : undefined;
  },
};

function declaredParameters(
  type: object,
  method: string,
  original: (...args: never[]) => unknown,
  decorated: readonly Param[],
): number {
  const { prototype } = type as { prototype: object };
  const types = Reflect.getMetadata('design:paramtypes', prototype, method) as readonly unknown[] | undefined;
  return Math.max(types?.length ?? original.length, ...decorated.map(({ index }) => index + 1));
}
