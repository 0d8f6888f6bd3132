/** A source of signs of life, from when its thread is told of it. */
export class KnownSource {
  #resolve: () => void = () => undefined;
  /** Resolves when the thread has beaten for it once, could not, or is not to any more. Undefined from then on. */
  ready: Promise<void> | undefined = new Promise((resolve) => (this.#resolve = resolve));

  constructor(readonly key: number) {}

  settle(): void {
    this.ready = undefined;
    this.#resolve();
  }
}
