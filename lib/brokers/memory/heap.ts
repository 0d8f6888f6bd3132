/** A binary heap: whichever member comes before all others is at hand. */
export class Heap<T> {
  readonly #members: T[] = [];

  constructor(private readonly before: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.#members.length;
  }

  peek(): T | undefined {
    return this.#members[0];
  }

  push(member: T): void {
    const members = this.#members;
    let at = members.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(member, members[parent]!)) break;
      members[at] = members[parent]!;
      at = parent;
    }
    members[at] = member;
  }

  pop(): T | undefined {
    const members = this.#members;
    const first = members[0];
    const last = members.pop();
    if (last === undefined || members.length === 0) return first;
    let at = 0;
    for (let child = 1; child < members.length; child = 2 * at + 1) {
      if (child + 1 < members.length && this.before(members[child + 1]!, members[child]!)) child++;
      if (!this.before(members[child]!, last)) break;
      members[at] = members[child]!;
      at = child;
    }
    members[at] = last;
    return first;
  }

  clear(): void {
    this.#members.length = 0;
  }
}
