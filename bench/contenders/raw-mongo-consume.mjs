import { openCollection } from '../support/mongo.mjs';
import { body } from '../support/raw-sqlite.mjs';
import { inFlight, timed, warmed } from '../support/timing.mjs';

/** What queues on MongoDB do as a rule: findOneAndUpdate for each task, deleteOne when it is done; `width` at once. */
export async function measure({ tasks, width = 20 }) {
  const { tasks: collection, close } = await openCollection();
  const one = async () => {
    const free = { queue: 'bench', owner: null };
    const task = await collection.findOneAndUpdate(free, { $set: { owner: 1 } }, { sort: { _id: 1 } });
    await collection.deleteOne({ _id: task._id, owner: 1 });
  };
  const drained = async (count) => {
    const documents = Array.from({ length: count }, (_, n) => ({ queue: 'bench', owner: null, body: body(n) }));
    await collection.insertMany(documents, { ordered: false });
    return timed(count, () => inFlight(count, width, one));
  };
  const figures = await warmed(() => drained(tasks / 4), () => drained(tasks)); // prettier-ignore
  await close();
  return figures;
}
