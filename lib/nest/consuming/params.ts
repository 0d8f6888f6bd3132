import type { ExecutionContext, Type } from '@nestjs/common';
import 'reflect-metadata';

/** Our own copy of a method's parameter metadata: the decorated parameters, and all others as arguments by position. */
export const PARAMS_METADATA = 'funq:params';

/** Nest's keys and numbers; they are part of how its decorators work, though not exported by name. */
export const ROUTE_ARGS = '__routeArguments__';
const CUSTOM = '__customRouteArgs__';
const BODY = 3;

/** What the codec brings back beyond plain data; pipes that build classes from plain data would empty it. */
const REVIVED: ReadonlySet<unknown> = new Set([Map, Set, BigInt, Uint8Array]);

interface Param {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
  readonly factory?: (data: unknown, context: ExecutionContext) => unknown;
}

/**
 * Writes the metadata that lets pipes see each argument with its declared type, and `createParamDecorator` decorators take
 * no argument's place. Returns how many arguments the declared parameters take, `undefined` when none is declared.
 */
export function defineParams(type: Type, method: string, original: (...args: never[]) => unknown): number | undefined {
  const decorated = (Reflect.getMetadata(ROUTE_ARGS, type, method) ?? {}) as Record<string, Param>;
  const types = Reflect.getMetadata('design:paramtypes', type.prototype, method) as readonly unknown[] | undefined;
  const indexes = Object.values(decorated).map(({ index }) => index + 1);
  const declared = Math.max(types?.length ?? original.length, ...indexes);
  const params: Record<string, Param> = {};
  let position = 0;
  for (let index = 0; index < declared; index++) {
    const [key, param] = Object.entries(decorated).find(([, entry]) => entry.index === index) ?? [];
    if (key?.includes(CUSTOM)) params[key] = param!;
    else if (!param && REVIVED.has(types?.[index])) params[`${index}${CUSTOM}:${index}`] = untouched(index, position++);
    else params[`${BODY}:${index}`] = { index, data: String(position++), pipes: param?.pipes ?? [] };
  }
  Reflect.defineMetadata(PARAMS_METADATA, params, type, method);
  return declared > 0 ? position : undefined;
}

/** Gives the argument at a position; the task stands behind the arguments and is never one. */
export const paramsFactory = {
  exchangeKeyForValue(_type: number, position: unknown, args: readonly unknown[]): unknown {
    const index = Number(position);
    return index < args.length - 1 ? args[index] : undefined;
  },
};

/** An argument that looks to pipes like the work of a `createParamDecorator`, which `ValidationPipe` leaves alone. */
function untouched(index: number, position: number): Param {
  const factory = (_data: unknown, context: ExecutionContext): unknown =>
    paramsFactory.exchangeKeyForValue(BODY, position, context.getArgs<unknown[]>());
  return { index, factory, pipes: [] };
}
