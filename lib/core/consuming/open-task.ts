import type { Delivery } from '../../contracts/broker.js';
import type { Codec } from '../../contracts/codec.js';
import type { Envelope } from '../../contracts/envelope.js';
import type { Policy, TaskOverrides } from '../../contracts/policy.js';
import { FunqError } from '../errors.js';
import { overridePolicy } from '../options/policy.js';
import { RunningTask, type TaskHost } from './running-task.js';

/** By how many bytes a copy may be larger than the task that was published: it counts its attempts. */
const COPY = 1024;

/**
 * The task in a delivery, its own options applied. Throws a `FunqError`: `FUNQ_PAYLOAD_TOO_LARGE` before anything is read,
 * `FUNQ_UNDECODABLE`, `FUNQ_VERSION_NEWER`, or `FUNQ_OPTION_INVALID` for overrides that make no sense.
 */
export function openTask(
  delivery: Delivery,
  policy: Policy,
  codec: Codec,
  maxPayload: number,
  host: TaskHost,
): RunningTask {
  const { length } = delivery.body;
  if (length > maxPayload + COPY) {
    throw new FunqError(
      'FUNQ_PAYLOAD_TOO_LARGE',
      `the message has ${length} bytes, more than maxPayload of ${maxPayload}`,
    );
  }
  const envelope = codec.decode(delivery.body);
  return new RunningTask(envelope, policyFor(envelope, policy), delivery, host);
}

/** The consumer's policy with the task's own options applied. Throws `FUNQ_OPTION_INVALID`. */
export function policyFor({ options }: Envelope, policy: Policy): Policy {
  return options ? overridePolicy(policy, options as TaskOverrides) : policy;
}
