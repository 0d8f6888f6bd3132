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
