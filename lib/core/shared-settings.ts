import type { Clock } from '../contracts/clock.js';
import type { SettingsStore, Store } from '../contracts/stores.js';
import type { Events } from './events.js';

/** How soon a change by another process is noticed, in milliseconds. */
const PERIOD = 500;

type Listener = (key: string, value: string | undefined) => void;

/**
 * The settings of the coordination store, followed: changes made here tell at once, those of other processes within half a
 * second. Without a store they are this process's own and end with it.
 */
export class SharedSettings {
  readonly #listeners = new Set<{ readonly prefix: string; readonly tell: Listener }>();
  #values: ReadonlyMap<string, string> = new Map();
  /** Counts what is asked for and what was set here, in order. */
  #count = 0;
  /** Of these, what is known now: an answer that was asked for before is out of date. */
  #known = 0;
  #failing = false;
  #looking: Promise<void> | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stop: (() => void) | undefined;

  constructor(
    private readonly store: (SettingsStore & Pick<Store, 'kind' | 'shared'>) | undefined,
    private readonly clock: Clock,
    private readonly events: Events,
  ) {}

  /** Reads what is set, and goes on reading. A store that is away does not hold this up. */
  async start(): Promise<void> {
    if (!this.store || this.#stop) return;
    this.#stop = this.store.shared ? this.clock.every(PERIOD, () => void this.#look()) : () => undefined;
    await this.#look();
  }

  async stop(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    await this.#looking;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /**
   * Does `work`, which sets something by what stands there, when nothing else is being changed here, and with all that other
   * processes have set before. Rejects as the store does, or as `work`.
   */
  change(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => this.#ask()).then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves when the store holds `value` and the listeners here were told. `undefined` removes it. */
  async set(key: string, value: string | undefined): Promise<void> {
    await this.store?.set(key, value);
    const values = new Map(this.#values);
    if (value === undefined) values.delete(key);
    else values.set(key, value);
    this.#follow(values, ++this.#count);
  }

  /** Tells `listener` of every change under `prefix`; the returned function ends it. */
  on(prefix: string, listener: Listener): () => void {
    const entry = { prefix, tell: listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #look(): Promise<void> {
    return (this.#looking ??= this.#told().finally(() => (this.#looking = undefined)));
  }

  async #told(): Promise<void> {
    try {
      await this.#ask();
      this.#failing = false;
    } catch (error) {
      // Told once; whoever uses the store for its tasks tells more.
      if (!this.#failing) this.events.emit('storeError', { store: this.store!.kind, error });
      this.#failing = true;
    }
  }

  async #ask(): Promise<void> {
    if (!this.store) return;
    const asked = ++this.#count;
    this.#follow(await this.store.settings(''), asked);
  }

  #follow(values: ReadonlyMap<string, string>, known: number): void {
    if (known < this.#known) return;
    this.#known = known;
    const before = this.#values;
    this.#values = values;
    for (const key of new Set([...before.keys(), ...values.keys()])) {
      const value = values.get(key);
      if (value === before.get(key)) continue;
      for (const { prefix, tell } of this.#listeners) if (key.startsWith(prefix)) tell(key, value);
    }
  }
}
