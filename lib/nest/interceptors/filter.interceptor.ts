import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import type { FilterClaim } from '../../contracts/stores.js';
import type { ManagedTask } from '../../contracts/task.js';
import { RECONNECT, backoff } from '../../core/backoff.js';
import { canonicalKey } from '../../core/canonical.js';
import { originOf } from '../../core/envelope.js';
import { Events } from '../../core/events.js';
import { PunctualStore } from '../../core/punctual-store.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_COORDINATION, FUNQ_SETTINGS } from '../funq.tokens.js';
import { missingStore } from '../missing-store.js';
import { ownKey } from '../own-key.js';
import { Control } from './control.js';

/** An equal call is running: looked at again this often, for this long in place; then the task goes back for as long. */
const POLL = 50;
const PATIENCE = 1000;
/** How long a claim outlives a process that died; renewed three times meanwhile. */
const LEASE = 30_000;
/** For so long a store that does not hear of a success is told again. */
const INSIST = 10_000;

/** A claim in use. */
interface Claimed {
  readonly key: string;
  /** Its last renewal: one that reaches the store after the claim was given up would bring it back. */
  renewed?: Promise<unknown>;
}

/**
 * Skips a call that was executed within its TTL. The call is claimed before it runs, so no two equal ones run at once;
 * confirmed when it succeeded; released when it did not. A store that is away puts the task back.
 */
@Injectable()
export class FilterInterceptor extends Control {
  /** What is claimed for tasks which run. */
  readonly #running = new Map<ManagedTask, Claimed>();
  #stop: (() => void) | undefined;

  constructor(
    @Inject(FUNQ_COORDINATION) private readonly store: PunctualStore | undefined,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    private readonly events: Events,
  ) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.filter !== undefined;
  }

  async around(task: ManagedTask, next: () => Promise<unknown>): Promise<unknown> {
    if (!this.store) throw missingStore(task.policy.handler, 'filter', 'coordination');
    const key = this.#key(task);
    let claim = await this.#claim(task, key);
    if (claim?.state === 'running') claim = await this.#waitFor(task, key);
    if (claim?.state === 'claimed') return this.#run(task, key, next);
    // Executed by this very task, which came back because its consumer ended before it could acknowledge.
    if (claim?.state === 'done' && claim.own) return this.#kept(claim);
    if (claim?.state === 'done') this.#skip(task, claim);
    else if (!task.settlement) task.defer(PATIENCE);
    return undefined;
  }

  /** `undefined` when the store is away. */
  #claim(task: ManagedTask, key: string): Promise<FilterClaim | undefined> {
    return this.#asked((store) => store.claim(key, owner(task), LEASE));
  }

  /** An equal call is running: its end, or its claim as it is after some time. */
  async #waitFor(task: ManagedTask, key: string): Promise<FilterClaim | undefined> {
    for (let waited = POLL; ; waited += POLL) {
      // It does not wait for a start: a rate must not hold back the others on its account.
      task.begin();
      if (!(await task.wait(POLL))) {
        task.release();
        return undefined;
      }
      const claim = await this.#claim(task, key);
      if (claim?.state !== 'running' || waited >= PATIENCE) return claim;
    }
  }

  async #run(task: ManagedTask, key: string, next: () => Promise<unknown>): Promise<unknown> {
    const claimed: Claimed = { key };
    this.#keep(task, claimed);
    let succeeded = false;
    try {
      const value = await next();
      if (!task.settlement) {
        succeeded = true;
        await this.#confirm(task, key, value);
      }
      return value;
    } finally {
      this.#forget(task);
      if (!succeeded) await this.#giveUp(task, claimed);
    }
  }

  /** What is no longer ours may run elsewhere by now, under the same claim. */
  async #giveUp(task: ManagedTask, { key, renewed }: Claimed): Promise<void> {
    await renewed;
    if (!task.closed) await this.#asked((store) => store.release(key, owner(task)));
  }

  /** What the store does not hear is executed again when the claim has run out, so it is told again while that is renewed. */
  async #confirm(task: ManagedTask, key: string, value: unknown): Promise<void> {
    const { ttl, reply } = task.policy.filter!;
    const wanted = reply === 'cached' || task.envelope.reply !== undefined || task.policy.persist?.result === true;
    const bytes = wanted ? this.#encoded(value) : undefined;
    const until = this.clock.monotonic() + INSIST;
    for (let n = 1; ; n++) {
      const heard = await this.#asked((store) => store.confirm(key, owner(task), ttl, bytes));
      if (heard !== undefined || task.interrupted || this.clock.monotonic() >= until) return;
      await this.clock.sleep(backoff(n, RECONNECT));
    }
  }

  #skip(task: ManagedTask, claim: FilterClaim & { state: 'done' }): void {
    const executed = 'an equal call was executed';
    if (task.policy.filter!.reply !== 'cached') task.discard(executed, 'filtered');
    else if (claim.value) task.discard(executed, 'filtered', { value: this.#kept(claim) });
    else task.discard(`${executed}, and its result was not kept: it is no data, or larger than maxPayload`, 'filtered');
  }

  #kept({ value }: FilterClaim & { state: 'done' }): unknown {
    return value && this.codec.decodeValue(value);
  }

  #key(task: ManagedTask): string {
    const { key } = task.policy.filter!;
    return `${task.policy.broker}/${task.queue}:${key ? ownKey(task, 'filter', key) : canonicalKey(task.args)}`;
  }

  #encoded(value: unknown): Uint8Array | undefined {
    try {
      const bytes = this.codec.encodeValue(value);
      return bytes.length <= this.settings.maxPayload ? bytes : undefined;
    } catch {
      return undefined; // A result that is no data can't be handed to others; the call is done all the same.
    }
  }

  #asked<T>(ask: (store: PunctualStore) => Promise<T>): Promise<T | undefined> {
    return ask(this.store!).catch((error: unknown) => {
      this.events.emit('storeError', { store: this.store!.kind, error });
      return undefined;
    });
  }

  /** Its claim is renewed until it is forgotten, with those of all others that run, as long as they are ours. */
  #keep(task: ManagedTask, claimed: Claimed): void {
    this.#running.set(task, claimed);
    this.#stop ??= this.clock.every(LEASE / 3, () => {
      for (const [running, claim] of this.#running) {
        if (running.closed) this.#forget(running);
        else claim.renewed = this.#claim(running, claim.key);
      }
    });
  }

  #forget(task: ManagedTask): void {
    this.#running.delete(task);
    if (this.#running.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** Copies of one publish share their claim; two publishes never do, even under one id. */
function owner(task: ManagedTask): string {
  return originOf(task.envelope);
}
