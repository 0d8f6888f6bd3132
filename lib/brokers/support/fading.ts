/** A map whose members end. Each write looks at two members in turn, so those that ended never outnumber the others for long. */
export class Fading<T> {
  readonly #members = new Map<string, { readonly value: T; readonly until: number }>();
  #round = this.#members.entries();

  /** Exact, whether the member was swept out or not. */
  get(key: string, now: number): T | undefined {
    const member = this.#members.get(key);
    return member && member.until > now ? member.value : undefined;
  }

  set(key: string, value: T, until: number, now: number): void {
    this.#members.set(key, { value, until });
    this.#sweep(now);
    this.#sweep(now);
  }

  delete(key: string): void {
    this.#members.delete(key);
  }

  values(now: number): T[] {
    return [...this.#members.values()].filter(({ until }) => until > now).map(({ value }) => value);
  }

  #sweep(now: number): void {
    const { done, value: next } = this.#round.next();
    if (done) this.#round = this.#members.entries();
    else if (next[1].until <= now) this.#members.delete(next[0]);
  }
}
