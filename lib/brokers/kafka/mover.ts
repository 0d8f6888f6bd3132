import type { Delivery, SubscribeOptions, Subscription } from '../../contracts/broker.js';
import type { Clock } from '../../contracts/clock.js';
import { readStaying, type KafkaDelays, type Staying, type Waiting } from './delays.js';
import { needsMending } from './error.js';
import { MOVER_LEASE } from './options.js';
import type { KafkaPublishing } from './publishing.js';
import type { KafkaClients } from './session.js';
import type { KafkaTopics } from './topics.js';
import type { Entry } from './window.js';

/** The most messages of one level in hand. */
const SHARE = 500;
/** More than all levels have in hand. */
const ALL = 10_000;
/** Milliseconds between two looks whether a level is to be handed on to another process. */
const LOOK = 500;
/** Milliseconds before a place among the movers is taken again after a failure. */
const PAUSE = 1000;
/** Milliseconds before what a topic refused is offered again. */
const AGAIN = 10_000;

export interface MoverParts {
  readonly topics: KafkaTopics;
  readonly delays: KafkaDelays;
  readonly publishing: KafkaPublishing;
  clients(): Promise<KafkaClients>;
  /** Takes part in moving; all processes with these topics are one group. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** The error as one of ours; what was silent is replaced. */
  failed(error: unknown): Error;
}

interface Held {
  readonly delivery: Delivery;
  readonly message: Staying;
}

/** Moves messages from level to level, and to their topics when they are due. It is stored there before it is done here. */
export class KafkaMover {
  readonly #closing = new AbortController();
  #nap = new AbortController();
  #running: Promise<void> | undefined;
  /** Why this process may not move anything: what it were to delay might wait for ever. */
  refused: Error | undefined;

  constructor(private readonly parts: MoverParts) {}

  start(clock: Clock): void {
    this.#running ??= this.#run(clock, this.#closing.signal);
  }

  /** Resolves when what is on its way has got there. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#nap.abort();
    await this.#running;
  }

  /** Whatever fails, the messages stay where they are until it works again. */
  async #run(clock: Clock, closing: AbortSignal): Promise<void> {
    while (!closing.aborted) {
      try {
        const subscription = await this.#subscribe();
        await this.#serve(subscription, clock, closing).finally(() => subscription.close());
      } catch (error) {
        this.parts.failed(error);
      }
      await clock.sleep(PAUSE, closing);
    }
  }

  async #subscribe(): Promise<Subscription> {
    try {
      const subscription = await this.parts.subscribe({ prefetch: SHARE, lease: MOVER_LEASE });
      this.refused = undefined;
      return subscription;
    } catch (error) {
      this.refused = needsMending(error) ? (error as Error) : undefined;
      throw error;
    }
  }

  /** Returns when another subscription is to be taken; until then what is in hand stays so, whatever fails. */
  async #serve(subscription: Subscription, clock: Clock, closing: AbortSignal): Promise<void> {
    const held = new Set<Held>();
    while (!closing.aborted) {
      try {
        await this.#take(subscription, clock, held);
        await this.#settle(subscription, clock, held);
      } catch (error) {
        this.parts.failed(error);
        if (!subscription.lasting) return;
        await clock.sleep(PAUSE, closing);
      }
    }
  }

  /** Waits for more until something is due. What others wrote is passed over. */
  async #take(subscription: Subscription, clock: Clock, held: Set<Held>): Promise<void> {
    const now = clock.now();
    const next = [...held].reduce((least, { message }) => Math.min(least, message.until), now + LOOK);
    const nap = (this.#nap = new AbortController());
    const cancel = clock.after(Math.max(0, next - now), () => nap.abort());
    const taken = await subscription.receive(ALL, nap.signal).finally(cancel);
    const foreign: Delivery[] = [];
    for (const delivery of taken) {
      const message = readStaying(delivery.body);
      if (message) held.add({ delivery, message });
      else foreign.push(delivery);
    }
    if (foreign.length > 0) await subscription.ack(foreign);
  }

  async #settle(subscription: Subscription, clock: Clock, held: Set<Held>): Promise<void> {
    const now = clock.now();
    // After a long sleep others may have moved what is in hand here: asked, the group tells.
    if ([...held].some(({ message }) => message.until <= now)) await subscription.ack([]);
    for (const each of held) if (windowOf(each.delivery).lost) held.delete(each);
    /** What is settled is remembered by the subscription, also where it can't be stored at present. */
    const settled = (list: readonly Held[]): Delivery[] => {
      for (const each of list) held.delete(each);
      return list.map(({ delivery }) => delivery);
    };
    const due = [...held].filter(({ message }) => message.until <= now);
    const { moved, failure } = await this.#move(due, now);
    if (moved.length > 0) await subscription.ack(settled(moved));
    const leaving = [...held].filter(({ delivery }) => windowOf(delivery).leaving);
    if (leaving.length > 0) await subscription.release(settled(leaving));
    if (failure) throw failure;
  }

  /** Resolves to what is stored elsewhere, which must not be moved again, and to why the rest is not. */
  async #move(
    due: readonly Held[],
    now: number,
  ): Promise<{ readonly moved: readonly Held[]; readonly failure?: Error | undefined }> {
    if (due.length === 0) return { moved: due };
    const clients = await this.parts.clients();
    const byTopic = new Map<string, Held[]>();
    for (const each of due.filter(({ message }) => message.due <= now)) {
      const list = byTopic.get(each.message.to);
      if (list) list.push(each);
      else byTopic.set(each.message.to, [each]);
    }
    const refused = await Promise.all([...byTopic].map(([topic, list]) => this.#deliver(clients, topic, list)));
    const again = new Set(refused.flat());
    const left = due.filter((each) => each.message.due > now || again.has(each));
    if (left.length === 0) return { moved: due };
    const waiting = left.map((each): Waiting =>
      again.has(each) ? { ...each.message, due: now + AGAIN } : each.message,
    );
    const failures = await this.parts.delays
      .hold(clients, waiting)
      .catch((error: unknown) => left.map((_, index) => ({ index, error: error as Error })));
    const kept = new Set(failures.map(({ index }) => left[index]));
    return { moved: due.filter((each) => !kept.has(each)), failure: failures[0]?.error };
  }

  /** Resolves to what its topic did not take; that must hold up nothing else. */
  async #deliver(clients: KafkaClients, topic: string, list: readonly Held[]): Promise<readonly Held[]> {
    const { topics, publishing } = this.parts;
    try {
      await topics.ensure(topic, clients);
      const messages = list.map(({ message }) => message);
      const failures = await publishing.send(clients, topic, messages);
      return failures.map(({ index }) => list[index]!);
    } catch (error) {
      this.parts.failed(error);
      topics.forget(topic);
      return list;
    }
  }
}

const windowOf = ({ receipt }: Delivery): Entry['window'] => (receipt as Entry).window;
