import { openTopic } from '../support/raw-kafka.mjs';
import { stopwatch, warmed } from '../support/timing.mjs';

/**
 * The client's own stream reads each body and commits: after `every` messages what was read, or without that what it has
 * fetched, so that a crash loses what is in hand.
 */
export async function measure({ tasks, every }) {
  const run = async (count) => {
    const topic = await openTopic();
    const all = count + (await topic.produce(count));
    globalThis.gc?.();
    let stop;
    await topic.consume(
      all,
      ({ value }) => {
        stop ??= stopwatch(all);
        JSON.parse(value);
      },
      every,
    );
    const figures = stop();
    await topic.close();
    return figures;
  };
  return warmed(() => run(tasks / 4), () => run(tasks)); // prettier-ignore
}
