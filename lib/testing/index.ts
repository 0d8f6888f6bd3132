export { brokerConformance, type BrokerConformanceOptions } from './broker-conformance.js';
export type { WorkerModule } from './broker/workers.js';
export { conforms, type ConformanceCase, type TestRunner } from './conformance.js';
export { ManualClock } from './manual-clock.js';
export {
  coordinationConformance,
  resultConformance,
  type StoreConformanceOptions,
  type ResultConformanceOptions,
} from './store-conformance.js';
export { FunqTesting, type DrainOptions } from './nest/funq-testing.js';
export { FunqTestingModule } from './nest/funq-testing.module.js';
export type { RunOutcome, TaskRun } from './nest/run-recorder.js';
export type { FunqTestingOptions, FunqTestingRootOptions } from './nest/testing.options.js';
export type { PublishedTask } from './nest/traffic.js';
