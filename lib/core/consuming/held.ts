import type { Delivery } from '../../contracts/broker.js';
import type { Batcher, Listener } from '../batcher.js';

/** Where settlements are gathered. */
export interface Settlements {
  readonly acks: Batcher<Delivery, boolean>;
  readonly releases: Batcher<Delivery, boolean>;
}

/** A delivery in hand, with the two ways to be rid of it. Only `settle.ts` calls them. */
export class Held {
  /** Its lease ran out: somebody else may have it. */
  lost = false;

  constructor(
    readonly delivery: Delivery,
    private readonly settlements: Settlements,
  ) {}

  /** Resolves to false when the delivery was no longer ours. Rejects when the broker could not be told. */
  ack(): Promise<boolean> {
    return this.settlements.acks.add(this.delivery);
  }

  /** As {@link ack}, for the many. */
  ackTo(listener: Listener<boolean>): void {
    this.settlements.acks.post(this.delivery, listener);
  }

  /** Resolves and rejects as {@link ack} does. */
  release(): Promise<boolean> {
    return this.settlements.releases.add(this.delivery);
  }
}
