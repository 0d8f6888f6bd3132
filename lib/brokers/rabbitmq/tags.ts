/** One frame that settles a delivery, or all up to it. */
export interface Settling {
  readonly tag: number;
  readonly multiple: boolean;
}

/** The delivery tags of one channel that are out, and how much of its consumers' credit they use. */
export class RabbitTags {
  /** Oldest first. */
  readonly #out = new Set<number>();
  /** The last one that counts against no consumer any more. */
  #base = 0;
  #last = 0;
  /** How much credit is used. */
  used = 0;

  get size(): number {
    return this.#out.size;
  }

  has(tag: number): boolean {
    return this.#out.has(tag);
  }

  add(tag: number): void {
    this.#last = tag;
    this.#out.add(tag);
    this.used++;
  }

  /** The consumers are gone: what is out stays out and uses nobody's credit. */
  detach(): void {
    this.#base = this.#last;
    this.used = 0;
  }

  /** Takes `tags` out. The frames that tell the server: one for all that stand before the oldest that stays. */
  settle(tags: readonly number[]): Settling[] {
    for (const tag of tags) if (this.#out.delete(tag) && tag > this.#base) this.used--;
    const [oldest = Infinity] = this.#out;
    const frames: Settling[] = [];
    let upTo = 0;
    for (const tag of tags) {
      if (tag > oldest) frames.push({ tag, multiple: false });
      else if (tag > upTo) upTo = tag;
    }
    if (upTo > 0) frames.push({ tag: upTo, multiple: true });
    return frames;
  }
}
