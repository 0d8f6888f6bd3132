import { Injectable } from '@nestjs/common';
import { CurrentTask, Consumer, JsonCodec, RequeueError, type Broker, type Delivery, type Task } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import type { ManualClock } from 'nestjs-funq/testing';

/** What the functions themselves did, noted by them. */
export class Book {
  readonly runs: { readonly id: string; readonly attempt: number }[] = [];
  readonly returned: string[] = [];
  readonly threw: string[] = [];
  readonly requeued: string[] = [];
  readonly discarded: string[] = [];
  readonly late: string[] = [];
}

/** A consumer whose tasks say how they shall fare: `run(kind, n, nonce)`. */
export function fated(book: Book, clock: ManualClock, concurrency: number) {
  @Injectable()
  class Fated {
    @Consumer({ queue: 'fated', concurrency, retry: 3 })
    async run(kind: string, n: number, _nonce: number, @CurrentTask() task: Task): Promise<void> {
      const { id, attempt, requeues } = task;
      book.runs.push({ id, attempt });
      if (kind === 'requeue' && requeues < n) {
        book.requeued.push(id);
        throw new RequeueError({ delay: 700 });
      }
      if ((kind === 'fail' && attempt <= n) || kind === 'doom') {
        book.threw.push(id);
        throw new Error(`failure ${attempt}`);
      }
      if (kind === 'discard') {
        book.discarded.push(id);
        return task.discard('not needed');
      }
      if (kind === 'slow' || kind === 'overdue') await clock.sleep(1500);
      book[kind === 'overdue' ? 'late' : 'returned'].push(id);
    }
  }
  return Fated;
}

/** A broker in memory with a witness at its door: what came in, what was handed out, acknowledged and given back. */
export function witnessed() {
  const inner = memory();
  const codec = new JsonCodec();
  const seen = { published: [] as string[], handed: 0, acked: 0, released: 0 };
  const broker: Broker = {
    ...inner,
    async publish(queue, messages) {
      const failures = await inner.publish(queue, messages);
      if (queue === 'fated') for (const { body } of messages) seen.published.push(codec.decode(body).id);
      return failures;
    },
    async subscribe(queue, options) {
      const subscription = await inner.subscribe(queue, options);
      return {
        receive: async (max, signal) => {
          const deliveries = await subscription.receive(max, signal);
          seen.handed += deliveries.length;
          return deliveries;
        },
        ack: async (list: readonly Delivery[]) => {
          seen.acked += list.length;
          return subscription.ack(list);
        },
        release: async (list: readonly Delivery[]) => {
          seen.released += list.length;
          return subscription.release(list);
        },
        close: () => subscription.close(),
      };
    },
  };
  return { broker, inner, seen };
}
