import type { Broker } from '../contracts/broker.js';
import type { Policy } from '../contracts/policy.js';
import { backoff } from '../core/backoff.js';
import { FunqConfigError } from '../core/errors.js';
import type { FunqOptions } from './funq.options.js';
import { missingStore } from './missing-store.js';

/** Refuses a policy that its broker or the stores can't honour: `FUNQ_FEATURE_UNSUPPORTED` or `FUNQ_STORE_MISSING`. */
export function checkSupported(
  { handler, broker: name, ...policy }: Policy,
  broker: Broker,
  stores: FunqOptions['stores'] = {},
): void {
  const { delay, priority, redelivery } = broker.features;
  if (policy.priority > 0 && !priority) throw unsupported(handler, 'priority', name, broker);
  if (policy.retry && backoff(policy.retry.times, { ...policy.retry, jitter: 0 }) > 1000 && !delay)
    throw unsupported(handler, 'retry.delay above 1s', name, broker);
  if (policy.maxDeliveries !== 5 && redelivery === 'none') throw unsupported(handler, 'maxDeliveries', name, broker);
  if (policy.filter && !stores.coordination) throw missingStore(handler, 'filter', 'coordination');
  const scope = policy.rate && policy.rate.scope !== 'process' ? `rate.scope '${policy.rate.scope}'` : undefined;
  if (scope && !stores.coordination) throw missingStore(handler, scope, 'coordination');
  if (broker.features.shared && stores.coordination && !stores.coordination.shared) {
    if (policy.filter) throw unshared(handler, 'filter', name, stores.coordination.kind);
    if (scope) throw unshared(handler, scope, name, stores.coordination.kind);
  }
  if (policy.persist && !stores.results) throw missingStore(handler, 'persist', 'results');
}

/** It would hold in each process by itself, and nobody would notice. */
function unshared(handler: string, option: string, name: string, kind: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `${handler}: broker '${name}' is shared by processes, but the coordination store (${kind}) is not, so ${option} would hold in each process alone; use a shared one such as sqliteCoordination({ file })`,
  );
}

function unsupported(handler: string, option: string, name: string, { kind }: Broker): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_FEATURE_UNSUPPORTED',
    `${handler}: broker '${name}' (${kind}) can't honour ${option}; leave it out, or move the consumer to a broker that can, such as sqlite`,
  );
}
