/** One message on its way in. */
export interface Outgoing {
  /** Unique to this message: a broker may make a resend of the *same* one harmless, and never merges two with different ids. */
  readonly id: string;
  /** Any bytes, also none. */
  readonly body: Uint8Array;
  /** Milliseconds before the message may be handed out. Given only where `features.delay`. */
  readonly delay?: number;
  /** 0 (the default) to 255, or what the broker takes; a higher one is handed out first, equal ones in order. Given only where `features.priority`. */
  readonly priority?: number;
  /** Milliseconds after which nobody wants the message any more and the broker may drop it; a broker without `features.ttl` keeps it. */
  readonly ttl?: number;
  /** Messages of one key keep their order on brokers that order by key only. */
  readonly key?: string;
  /**
   * For this many milliseconds after it was stored the broker drops every other message of the same queue, id and with
   * `unique`, also when the first was consumed or purged meanwhile. Storing the message and remembering its id is one
   * atomic step: of any number of processes that publish it, exactly one stores it. Given only where `features.unique`.
   */
  readonly unique?: number;
  /**
   * A name of words parted by dots: the message goes to every queue whose `SubscribeOptions.pattern` matches it, one copy each,
   * and to the queue that it is published to only if that one's does; where it is delayed, when it is due. One that matches
   * nowhere is stored in that queue all the same. Given only where `features.wildcards`.
   */
  readonly spread?: string;
}

export interface PublishFailure {
  /** Position in the list that was published. */
  readonly index: number;
  readonly error: Error;
  /**
   * The broker dropped it as a repeat, see {@link Outgoing.unique}: its first copy is stored, so the publish succeeded. A
   * broker that can't tell leaves repeats out of its answer.
   */
  readonly repeated?: boolean;
}
