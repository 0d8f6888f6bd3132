import { timed, warmed } from '../support/timing.mjs';

/** The floor: the method called by itself, one call after the other. */
export async function measure({ tasks }) {
  const method = async (_value) => undefined;
  const calls = async () => {
    for (let index = 0; index < tasks; index++) await method(index);
  };
  return warmed(calls, () => timed(tasks, calls));
}
