/** Middle, lowest and highest of what was measured, and for rows with a yardstick how many times that they reach. */
export function summarize(suite, measured, quick) {
  const of = (name) => measured[suite.rows.findIndex((row) => row.name === name)];
  const rows = suite.rows.map((row, index) => {
    const figures = spreads(suite, measured[index]);
    const ratio = row.than && ratioOf(measured[index], of(row.than), suite.columns[0].key);
    return {
      name: row.name,
      figures,
      ...(row.than && { than: row.than, ratio }),
      ...(row.target && { target: judged(row.target, ratio, figures) }),
    };
  });
  const { name, title, measures, columns } = suite;
  return { name, title, measures, columns, rounds: measured[0].length, quick, rows };
}

function spreads({ columns }, rounds) {
  return Object.fromEntries(columns.map(({ key }) => [key, spread(rounds.map((figures) => figures[key]))]));
}

/** Of each round by itself: both were measured within the same minute. */
function ratioOf(rounds, yardstick, key) {
  return spread(rounds.map((figures, round) => figures[key] / yardstick[round][key]));
}

/** `{ atLeast }` is about the ratio; `{ atMost, column }` about a figure. */
function judged(target, ratio, figures) {
  const met =
    target.atLeast === undefined ? figures[target.column].median <= target.atMost : ratio.median >= target.atLeast;
  return { ...target, met };
}

export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}
