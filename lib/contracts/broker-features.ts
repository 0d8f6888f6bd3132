/** Facts about a broker: they choose the conformance cases, the start-up checks and the rows of the documentation. */
export interface BrokerFeatures {
  /** Honours `Outgoing.delay`. */
  readonly delay: boolean;
  /** Honours `Outgoing.priority`. */
  readonly priority: boolean;
  /** Honours `Outgoing.ttl`. */
  readonly ttl: boolean;
  /** Honours `Outgoing.unique`. */
  readonly unique: boolean;
  /** Published messages survive the end of the process that published them. */
  readonly durable: boolean;
  /** Several processes may publish to and consume from one queue. */
  readonly shared: boolean;
  /** One consumer sees messages of equal priority in the order of publishing. */
  readonly ordered: boolean;
  /** What becomes of the messages of a consumer that died: they come back counted, or only marked, or never. */
  readonly redelivery: 'counted' | 'flagged' | 'none';
  /** Part of this process, so never away: its `receive` may wait as long as it takes, and is given no deadline. Default: false. */
  readonly patient?: boolean;
  /** Honours `Outgoing.spread` and `SubscribeOptions.pattern`. Default: false. */
  readonly wildcards?: boolean;
  /** How many calls of `publish` to one queue may be under way, stored in the order in which they began. Default: 1. */
  readonly pipelined?: number;
}
