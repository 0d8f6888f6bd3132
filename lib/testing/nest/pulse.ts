/** Counts what happens, and lets others wait for the next of it. */
export class Pulse {
  count = 0;
  #waiting: (() => void)[] = [];

  beat(): void {
    this.count++;
    if (this.#waiting.length === 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
