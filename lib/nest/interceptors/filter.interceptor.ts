import { Inject, Injectable, Optional } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import type { Policy } from '../../contracts/policy.js';
import type { CoordinationStore, FilterClaim } from '../../contracts/stores.js';
import type { Task } from '../../contracts/task.js';
import { canonicalKey } from '../../core/canonical.js';
import { Events } from '../../core/events.js';
import { FUNQ_CLOCK, FUNQ_CODEC, getStoreToken } from '../funq.tokens.js';
import { Control } from './control.js';

/** An equal call is running: looked at again this often, for this long in place; then the task goes back for as long. */
const POLL = 50;
const PATIENCE = 1000;
/** How long a claim outlives a process that died; renewed three times meanwhile. */
const LEASE = 30_000;

/**
 * Skips a call that was executed within its TTL. The call is claimed before it runs, so no two equal ones run at once;
 * confirmed when it succeeded; released when it did not. A store that is away puts the task back.
 */
@Injectable()
export class FilterInterceptor extends Control {
  constructor(
    @Optional() @Inject(getStoreToken('coordination')) private readonly store: CoordinationStore,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
    private readonly events: Events,
  ) {
    super();
  }

  appliesTo(policy: Policy): boolean {
    return policy.filter !== undefined;
  }

  async around(task: Task, next: () => Promise<unknown>): Promise<unknown> {
    const key = this.#key(task);
    const claim = await this.#claim(task, key);
    if (claim?.state === 'claimed') return this.#run(task, key, next);
    if (claim?.state === 'done') this.#skip(task, claim);
    else if (!task.settlement) task.defer(PATIENCE);
    return undefined;
  }

  /** `undefined` when the store is away. */
  async #claim(task: Task, key: string): Promise<FilterClaim | undefined> {
    for (let waited = 0; ; waited += POLL) {
      const claim = await this.#asked(() => this.store.claim(key, task.id, LEASE));
      if (claim?.state !== 'running' || waited >= PATIENCE) return claim;
      if (await task.wait(POLL)) continue;
      task.release();
      return claim;
    }
  }

  async #run(task: Task, key: string, next: () => Promise<unknown>): Promise<unknown> {
    const stop = this.clock.every(LEASE / 3, () => void this.#asked(() => this.store.claim(key, task.id, LEASE)));
    let succeeded = false;
    try {
      const value = await next();
      if (!task.settlement) {
        succeeded = true;
        await this.#confirm(task, key, value);
      }
      return value;
    } finally {
      stop();
      if (!succeeded) await this.#asked(() => this.store.release(key, task.id));
    }
  }

  async #confirm(task: Task, key: string, value: unknown): Promise<void> {
    const { ttl, reply } = task.policy.filter!;
    await this.#asked(() => this.store.confirm(key, task.id, ttl, reply && this.#encoded(value)));
  }

  #skip(task: Task, claim: FilterClaim & { state: 'done' }): void {
    const cached = task.policy.filter!.reply === 'cached' && claim.value !== undefined;
    const answer = cached ? { value: this.codec.decodeValue(claim.value) } : undefined;
    task.discard('an equal call was executed', 'filtered', answer);
  }

  #key(task: Task): string {
    const { key } = task.policy.filter!;
    return `${task.policy.broker}/${task.queue}:${key ? key(...(task.args as never[])) : canonicalKey(task.args)}`;
  }

  #encoded(value: unknown): Uint8Array | undefined {
    try {
      return this.codec.encodeValue(value);
    } catch {
      return undefined; // A result that is no data can't be handed to others; the call is done all the same.
    }
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      this.events.emit('storeError', { store: this.store.kind, error });
      return undefined;
    }
  }
}
