import type { InjectionToken, Type } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { FoundConsumer } from './consumer.explorer.js';
import { ROUTE_ARGS } from './params.js';

/** Nest's keys; they are part of how its decorators work, though not exported by name. */
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const PIPES = '__pipes__';
const KEYS = [GUARDS, INTERCEPTORS, PIPES, '__exceptionFilters__'];

/**
 * Names an enhancer that would be left out. Nest makes the enhancers that a class names together with the class; for an
 * object that a factory made, or that is given as a value, it passes over those it has not made elsewhere in the module.
 */
export function leftOut({ wrapper, type, method }: FoundConsumer, config: ApplicationConfig): string | undefined {
  if (!wrapper.isNotMetatype) return undefined;
  const made = wrapper.getEnhancersMetadata() ?? [];
  const scoped = [
    ...config.getGlobalRequestGuards(),
    ...config.getGlobalRequestInterceptors(),
    ...config.getGlobalRequestPipes(),
    ...config.getGlobalRequestFilters(),
  ];
  const global = scoped.find((enhancer) => !made.includes(enhancer));
  if (global) return `the global ${global.metatype?.name ?? global.name}, which is made for each request`;
  const named = [...namedOn(type), ...namedOn((type.prototype as Record<string, object>)[method]!)];
  const params = Object.values((Reflect.getMetadata(ROUTE_ARGS, type, method) ?? {}) as Record<string, Param>);
  return [...named, ...params.flatMap(({ pipes }) => pipes ?? [])].filter(isClass).find((enhancer) => {
    const found = wrapper.host?.injectables.get(enhancer);
    return !found || found.isTransient || !found.isDependencyTreeStatic();
  })?.name;
}

/** Which of a handler's stages are not empty. */
export interface Stages {
  /** Guards and interceptors, whose place is around the controls or between them and the method. */
  readonly around: boolean;
  /** Pipes and decorated parameters. */
  readonly params: boolean;
}

/** What stands around a method, of the app, its class and itself: an empty stage is left out and costs nothing. */
export function stagesOf(type: Type, method: string, original: object, config: ApplicationConfig): Stages {
  const named = (key: string): boolean =>
    [type, original].some((target) => ((Reflect.getMetadata(key, target) ?? []) as unknown[]).length > 0);
  const around =
    config.getGlobalGuards().length + config.getGlobalRequestGuards().length > 0 ||
    config.getGlobalInterceptors().length + config.getGlobalRequestInterceptors().length > 0;
  const pipes = config.getGlobalPipes().length + config.getGlobalRequestPipes().length > 0;
  return {
    around: around || named(GUARDS) || named(INTERCEPTORS),
    params: pipes || named(PIPES) || Reflect.hasMetadata(ROUTE_ARGS, type, method),
  };
}

interface Param {
  readonly pipes?: readonly unknown[];
}

function namedOn(target: object): unknown[] {
  return KEYS.flatMap((key) => (Reflect.getMetadata(key, target) ?? []) as unknown[]);
}

function isClass(enhancer: unknown): enhancer is InjectionToken & { readonly name: string } {
  return typeof enhancer === 'function';
}
