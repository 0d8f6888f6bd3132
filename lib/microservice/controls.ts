import type { ResultStore } from '../contracts/stores.js';
import type { PunctualStore } from '../core/punctual-store.js';
import type { FunqSettings } from '../nest/funq.options.js';
import type { Control } from '../nest/interceptors/control.js';
import { ExpiryInterceptor } from '../nest/interceptors/expiry.interceptor.js';
import { FilterInterceptor } from '../nest/interceptors/filter.interceptor.js';
import { DEFAULT_CONTROLS } from '../nest/interceptors/order.js';
import { RateLimitInterceptor } from '../nest/interceptors/rate-limit.interceptor.js';
import { ResultInterceptor } from '../nest/interceptors/result.interceptor.js';
import { RetryInterceptor } from '../nest/interceptors/retry.interceptor.js';
import { TimeoutInterceptor } from '../nest/interceptors/timeout.interceptor.js';
import type { Presence } from '../nest/presence.js';
import type { Connection } from './connection.js';

export interface ControlParts {
  readonly connection: Connection;
  readonly settings: FunqSettings;
  readonly results: ResultStore | undefined;
  readonly coordination: PunctualStore | undefined;
  readonly presence: Presence;
}

/** The controls of modules, in their order, made by hand: a server stands outside of Nest's containers. */
export function builtInControls({ connection, settings, results, coordination, presence }: ControlParts): Control[] {
  const { clock, codec, events } = connection;
  const saving = new ResultInterceptor(results, clock, codec, settings, events);
  saving.onModuleInit();
  const made: readonly Control[] = [
    new ExpiryInterceptor(clock),
    new FilterInterceptor(coordination, clock, codec, settings, events),
    saving,
    new RetryInterceptor(events),
    new RateLimitInterceptor(clock, coordination, presence, events),
    new TimeoutInterceptor(clock),
  ];
  return DEFAULT_CONTROLS.map((type) => made.find((control) => control instanceof type)!);
}
