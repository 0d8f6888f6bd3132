// One measurement, in a process of its own: `run.mjs` forks this for each contender in each round.
const [, , contender, settings] = process.argv;
const { measure } = await import(new URL(`./contenders/${contender}.mjs`, import.meta.url));
const figures = await measure(JSON.parse(settings));
// What a contender left open does not hold up the others.
process.send(figures, () => process.exit(0));
