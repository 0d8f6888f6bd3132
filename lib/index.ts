export * from './contracts/broker.js';
export * from './contracts/clock.js';
export * from './contracts/codec.js';
export * from './contracts/counters.js';
export * from './contracts/envelope.js';
export * from './contracts/policy.js';
export * from './contracts/schedule.js';
export * from './contracts/stores.js';
export * from './contracts/task.js';
export { currentTask } from './core/consuming/current-task.js';
export {
  DeadLetterError,
  FunqConfigError,
  FunqError,
  FunqRemoteError,
  FunqTimeoutError,
  FunqUnserializableError,
  RequeueError,
  type FunqErrorCode,
  type RequeueOptions,
} from './core/errors.js';
export { Events as FunqEvents, type EngineEvents, type EventName } from './core/events.js';
export { JsonCodec } from './core/codec/json.codec.js';
export { Consumer } from './nest/consuming/consumer.decorator.js';
export { FunqConsumers, type LiveConsumer } from './nest/consuming/funq.consumers.js';
export { FunqCounters } from './nest/counters/funq.counters.js';
export type {
  LetterFilter,
  ListOptions,
  ReplayOneOptions,
  ReplayOptions,
} from './nest/dead-letters/dead-letter.options.js';
export { FunqDeadLetters, type StoredLetter } from './nest/dead-letters/funq.dead-letters.js';
export { FunqLogger } from './nest/logging/funq.logger.js';
export { FunqModule } from './nest/funq.module.js';
export type {
  ControlEntry,
  FunqAsyncOptions,
  FunqOptions,
  FunqOptionsFactory,
  FunqStatics,
} from './nest/funq.options.js';
export { FunqPublisher } from './nest/publishing/funq.publisher.js';
export { FunqScheduler, type NamedSchedule, type ScheduleView } from './nest/schedules/funq.scheduler.js';
export { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_CONTEXT, getBrokerToken, getStoreToken } from './nest/funq.tokens.js';
export { Control } from './nest/interceptors/control.js';
export { ExpiryInterceptor } from './nest/interceptors/expiry.interceptor.js';
export { FilterInterceptor } from './nest/interceptors/filter.interceptor.js';
export { DEFAULT_CONTROLS } from './nest/interceptors/order.js';
export { RateLimitInterceptor } from './nest/interceptors/rate-limit.interceptor.js';
export { ResultInterceptor } from './nest/interceptors/result.interceptor.js';
export { RetryInterceptor } from './nest/interceptors/retry.interceptor.js';
export { TimeoutInterceptor } from './nest/interceptors/timeout.interceptor.js';
export { CurrentTask, InjectBroker, InjectStore, managedTaskOf, taskOf } from './nest/consuming/param.decorators.js';
export type { AskOptions, PublishOptions } from './nest/publishing/publish.options.js';
export type { Remote, RemoteCalls, TaskArguments, TaskResultOf } from './nest/publishing/typed.publisher.js';
