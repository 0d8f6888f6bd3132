import type { Broker } from '../../contracts/broker.js';
import type { Policy } from '../../contracts/policy.js';
import type { SchedulePolicy } from '../../contracts/schedule.js';
import type { CoordinationStore } from '../../contracts/stores.js';
import { FunqConfigError } from '../../core/errors.js';
import { missingStore } from '../missing-store.js';

const MEND =
  'share one such as sqliteCoordination({ file }), or move the consumer to a broker that drops repeats, such as sqlite';

/** Refuses a schedule that could not keep what it promises with this broker and this store. */
export function checkSchedule(
  { handler, broker: brokerName }: Policy,
  { name, when, from, times, publish }: SchedulePolicy,
  { kind, features }: Broker,
  store: Pick<CoordinationStore, 'kind' | 'shared' | 'durable'> | undefined,
): void {
  const schedule = `${handler}: schedule '${name}'`;
  const refused = (why: string): FunqConfigError =>
    new FunqConfigError('FUNQ_FEATURE_UNSUPPORTED', `${schedule} ${why}`);
  if (features.shared && !features.unique && !store?.shared) {
    const owned = store ? `the coordination store (${store.kind}) is not shared` : 'there is no coordination store';
    throw refused(
      `would be published by every process: they share broker '${brokerName}' (${kind}), which can't drop repeats, and ${owned}; ${MEND}`,
    );
  }
  if ((publish.priority ?? 0) > 0 && !features.priority) {
    throw refused(`has a priority, which broker '${brokerName}' (${kind}) can't honour; leave it out`);
  }
  if (times === undefined || from !== undefined || 'at' in when) return;
  const option = `schedule '${name}' with times and without from`;
  if ((features.shared || features.durable) && !store) throw missingStore(handler, option, 'coordination');
  if ((features.shared && !store?.shared) || (features.durable && !store?.durable)) {
    throw refused(
      `counts its times from when it first started, which the coordination store (${store?.kind}) can't remember for all processes and restarts; give it from, or use one such as sqliteCoordination({ file })`,
    );
  }
}

/** Two schedules of one name could not be told apart. */
export function clashing(name: string, first: string, second: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_CONSUMER_CLASH',
    `${first} and ${second} both have a schedule '${name}'; give one of them another name`,
  );
}
