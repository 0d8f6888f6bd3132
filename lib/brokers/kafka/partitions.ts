import type { Delivery } from '../../contracts/broker.js';
import { KafkaWindow } from './window.js';

/** As much of a partition waits here at most, but for what one answer brings. */
const RESERVE_BYTES = 4 * 2 ** 20;

/** What the group remembers of a partition. */
export interface Committed {
  readonly offset: number;
  readonly text: string | null;
}

/** The partitions that one member of a group has at present. */
export class KafkaPartitions {
  readonly #windows = new Map<number, KafkaWindow>();
  /** Assigned, and not open before it is known what of them is done; another list once that is out of date. */
  #wanted: readonly number[] = [];
  #turn = 0;
  /** Some were given up since the group was last told. */
  untold = false;

  /** `ahead`: as of a window; `most`: messages of one partition that are out at once. */
  constructor(
    private readonly ahead: number,
    private readonly most: number,
  ) {}

  /** Some that were assigned are not open. */
  get unopened(): boolean {
    return this.#wanted.length > 0;
  }

  /** Something could be handed out, if it is committed as such. */
  get waiting(): boolean {
    return [...this.#windows.values()].some(({ leaving, waiting }) => !leaving && waiting > 0);
  }

  get windows(): Iterable<KafkaWindow> {
    return this.#windows.values();
  }

  /** How many deliveries are handed out and not settled. */
  get out(): number {
    return [...this.#windows.values()].reduce((sum, { out }) => sum + out, 0);
  }

  /** What the group is told. What is not open yet may go to others, so it is not opened before it is assigned again. */
  tell(): number[] {
    this.untold = false;
    this.#wanted = [];
    return [...this.#windows.keys()];
  }

  /** The group formed anew with these for us; what is ours no longer is being left. */
  assign(partitions: readonly number[]): void {
    for (const window of this.#windows.values()) window.leaving = !partitions.includes(window.partition);
    this.#wanted = partitions.filter((partition) => !this.#windows.has(partition));
  }

  /** Opens what was assigned, unless the group is told anew before `committed` has answered. */
  async open(committed: (partitions: number[]) => Promise<ReadonlyMap<number, Committed>>): Promise<void> {
    const wanted = this.#wanted;
    if (wanted.length === 0) return;
    const found = await committed([...wanted]);
    if (wanted !== this.#wanted) return;
    this.#wanted = [];
    for (const partition of wanted) {
      const { offset, text } = found.get(partition) ?? { offset: 0, text: null };
      this.#windows.set(partition, new KafkaWindow(partition, offset, text, this.ahead));
    }
  }

  /** Up to `max` messages. */
  take(max: number): Delivery[] {
    const taken: Delivery[] = [];
    for (const window of this.#inTurn) window.take(Math.min(max, taken.length + this.most - window.out), taken);
    this.#turn++;
    return taken;
  }

  /** Those of which little waits here: fewer messages than `reserve`. */
  low(reserve: number): KafkaWindow[] {
    return this.#inTurn.filter(({ leaving, waiting, bytes }) => !leaving && waiting < reserve && bytes < RESERVE_BYTES);
  }

  /** Those that are to go to others and of which nothing is out. */
  get idle(): KafkaWindow[] {
    return [...this.#windows.values()].filter(({ leaving, out }) => leaving && out === 0);
  }

  /** Of those that were idle before what is known of them was stored, all that still are. */
  giveUp(windows: readonly KafkaWindow[]): void {
    for (const window of this.idle.filter((each) => windows.includes(each))) {
      this.#windows.delete(window.partition);
      this.untold = true;
    }
  }

  /** These begin anew, or all at 0. Nobody else can have read of them, so what is stored is to be overwritten. */
  renew(bases?: ReadonlyMap<number, number>): void {
    for (const former of this.#windows.values()) {
      const base = bases ? bases.get(former.partition) : 0;
      if (base === undefined) continue;
      former.lost = true;
      const window = new KafkaWindow(former.partition, base, null, this.ahead);
      window.leaving = former.leaving;
      window.dirty = true;
      this.#windows.set(window.partition, window);
    }
  }

  /** Nothing more is handed out. */
  leave(): void {
    this.#wanted = [];
    for (const window of this.#windows.values()) window.leaving = true;
  }

  /** Others may have what was handed out here. */
  lose(): void {
    for (const window of this.#windows.values()) window.lost = true;
    this.#windows.clear();
    this.#wanted = [];
  }

  /** Each time another first, so that none is passed over: neither here nor by a node, which fills its answer in order. */
  get #inTurn(): KafkaWindow[] {
    const windows = [...this.#windows.values()];
    return windows.map((_, n) => windows[(this.#turn + n) % windows.length]!);
  }
}
