import type { fetchV13 } from '@platformatic/kafka';
import type { KafkaWindow } from './window.js';

type Response = Awaited<ReturnType<typeof fetchV13.api.async>>;
/** What a node has of one partition. */
export type Answer = Response['responses'][number]['partitions'][number];

const TRANSACTIONAL = 0b010000;
/** Control batches mark the end of a transaction; they have offsets, but no messages. */
const CONTROL = 0b100000;
const ABORT = 0;

/** Adds what was fetched to its partition, without the messages of transactions that were given up. */
export function readRecords({ records: batches = [], abortedTransactions }: Answer, window: KafkaWindow): void {
  const ahead = abortedTransactions.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborted = new Set<bigint>();
  for (const { firstOffset, lastOffsetDelta, attributes, producerId, records } of batches) {
    const first = Number(firstOffset);
    const last = first + lastOffsetDelta;
    while (ahead[0] && Number(ahead[0].firstOffset) <= last) aborted.add(ahead.shift()!.producerId);
    if (attributes & CONTROL) {
      if (records[0]?.key?.readInt16BE(2) === ABORT) aborted.delete(producerId);
    } else if (!(attributes & TRANSACTIONAL && aborted.has(producerId))) {
      for (const { offsetDelta, value } of records) window.add(first + offsetDelta, value ?? new Uint8Array());
    }
    window.pass(last + 1);
  }
}
