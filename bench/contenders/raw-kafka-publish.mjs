import { openTopic } from '../support/raw-kafka.mjs';
import { timed, warmed } from '../support/timing.mjs';

/** The client's own producer, 500 messages in a request, four requests unanswered, acknowledged by all copies. */
export async function measure({ tasks }) {
  const topic = await openTopic();
  const figures = await warmed(
    () => topic.produce(tasks / 4),
    () => timed(tasks, () => topic.produce(tasks)),
  );
  await topic.close();
  return figures;
}
