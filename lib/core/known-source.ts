/** A source of signs of life, from when its thread is told of it. */
export class KnownSource {
  #settle: () => void = () => undefined;
  /** Resolves when the thread has beaten for it once, or could not. Undefined from then on. */
  ready: Promise<void> | undefined = new Promise((resolve) => (this.#settle = resolve));

  constructor(readonly key: number) {}

  tried(): void {
    this.ready = undefined;
    this.#settle();
  }
}
