// A broker's pulse module that notes what is done with it in memory that the test shares.
export async function openPulse({ cells, dies, silent }) {
  const opened = Atomics.add(cells, 0, 1);
  return {
    async beat(ids) {
      if (silent) await new Promise(() => undefined);
      if (dies && opened === 0) process.exit(3);
      Atomics.store(cells, 3, ids.length);
      Atomics.store(cells, 4, ids.at(-1));
      Atomics.add(cells, 1, 1);
    },
    close: async () => void Atomics.add(cells, 2, 1),
  };
}
