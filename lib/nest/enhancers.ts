import type { InjectionToken } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { FoundConsumer } from './consumer.explorer.js';
import { ROUTE_ARGS } from './params.js';

/** Nest's keys; they are part of how its decorators work, though not exported by name. */
const KEYS = ['__guards__', '__interceptors__', '__pipes__', '__exceptionFilters__'];

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

interface Param {
  readonly pipes?: readonly unknown[];
}

function namedOn(target: object): unknown[] {
  return KEYS.flatMap((key) => (Reflect.getMetadata(key, target) ?? []) as unknown[]);
}

function isClass(enhancer: unknown): enhancer is InjectionToken & { readonly name: string } {
  return typeof enhancer === 'function';
}
