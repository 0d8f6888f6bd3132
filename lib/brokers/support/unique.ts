import type { Outgoing, PublishFailure } from '../../contracts/broker.js';

/** The ids that a queue remembers for `Outgoing.unique`. */
export interface RememberedIds {
  /** False when the id is remembered already, and remembers it otherwise for `window` milliseconds. */
  remember(id: string, window: number): boolean;
  /** Its message was not stored after all. */
  forget(id: string): void;
}

type Store = (messages: readonly Outgoing[]) => readonly PublishFailure[];

/** Stores by `store` what is no repeat; the answer names the repeats and what `store` refused. */
export function storeUnique(
  messages: readonly Outgoing[],
  ids: RememberedIds,
  store: Store,
): readonly PublishFailure[] {
  if (!messages.some(({ unique }) => unique !== undefined)) return store(messages);
  const some = (places: readonly number[], work: Store): PublishFailure[] =>
    work(places.map((place) => messages[place]!)).map((failure) => ({ ...failure, index: places[failure.index]! }));
  const first: number[] = [];
  const repeats: number[] = [];
  for (const [index, { id, unique }] of messages.entries())
    (unique === undefined || ids.remember(id, unique) ? first : repeats).push(index);

  const failures = some(first, store);
  const refused = failures.map(({ index }) => messages[index]!).filter(({ unique }) => unique !== undefined);
  const free = new Set(refused.map(({ id }) => id));
  for (const id of free) ids.forget(id);
  // What follows a message that was refused is no repeat of it.
  const again: number[] = [];
  for (const index of repeats) {
    const { id } = messages[index]!;
    if (free.has(id)) again.push(index);
    else failures.push({ index, error: new Error(`${id} was published before`), repeated: true });
  }
  if (again.length > 0) failures.push(...some(again, (left) => storeUnique(left, ids, store)));
  return failures;
}
