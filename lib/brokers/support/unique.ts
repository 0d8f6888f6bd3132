import type { Outgoing, PublishFailure } from '../../contracts/broker.js';

/** The ids that a queue remembers for `Outgoing.unique`. */
export interface RememberedIds {
  /** False when the id is remembered already, and remembers it otherwise for `window` milliseconds. */
  remember(id: string, window: number): boolean;
  /** Its message was not stored after all. */
  forget(id: string): void;
}

/** Stores by `store` what is no repeat; the answer names the repeats and what `store` refused. */
export function storeUnique(
  messages: readonly Outgoing[],
  ids: RememberedIds,
  store: (messages: readonly Outgoing[]) => readonly PublishFailure[],
): readonly PublishFailure[] {
  if (!messages.some(({ unique }) => unique !== undefined)) return store(messages);
  const first: number[] = [];
  const failures: PublishFailure[] = [];
  for (const [index, { id, unique }] of messages.entries()) {
    if (unique === undefined || ids.remember(id, unique)) first.push(index);
    else failures.push({ index, error: new Error(`${id} was published before`), repeated: true });
  }
  for (const { index: position, error } of store(first.map((index) => messages[index]!))) {
    const index = first[position]!;
    if (messages[index]!.unique !== undefined) ids.forget(messages[index]!.id);
    failures.push({ index, error });
  }
  return failures;
}
