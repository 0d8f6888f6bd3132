import type { Type } from '@nestjs/common';
import type { Control } from './control.js';
import { ExpiryInterceptor } from './expiry.interceptor.js';
import { FilterInterceptor } from './filter.interceptor.js';
import { RateLimitInterceptor } from './rate-limit.interceptor.js';
import { ResultInterceptor } from './result.interceptor.js';
import { RetryInterceptor } from './retry.interceptor.js';
import { TimeoutInterceptor } from './timeout.interceptor.js';

/**
 * The controls, outermost first. They stand inside global and class interceptors, which see a task once, and outside the
 * method's own, which see each run. A new control is one line here; `forRoot({ controls })` takes another list.
 *
 * @publicApi
 */
export const DEFAULT_CONTROLS: readonly Type<Control>[] = Object.freeze([
  ExpiryInterceptor,
  FilterInterceptor,
  ResultInterceptor,
  RetryInterceptor,
  RateLimitInterceptor,
  ExpiryInterceptor,
  TimeoutInterceptor,
]);
