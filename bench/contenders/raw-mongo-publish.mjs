import { openCollection } from '../support/mongo.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** The best that the plain driver does: `batch` documents in each unordered insertMany. */
export async function measure({ tasks, batch = 500 }) {
  const { tasks: collection, close } = await openCollection();
  const publish = async (count) => {
    for (let from = 0; from < count; from += batch) {
      const size = Math.min(batch, count - from);
      const documents = Array.from({ length: size }, (_, n) => ({ queue: 'bench', owner: null, body: body(from + n) }));
      await collection.insertMany(documents, { ordered: false });
    }
  };
  const figures = await warmed(
    () => publish(tasks / 4),
    () => timed(tasks, () => publish(tasks)),
  );
  await close();
  return figures;
}
