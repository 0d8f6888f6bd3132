/** How figures are written, by their unit. */
const FORMATS = {
  count: (value) => significant(value).toLocaleString('en-US'),
  ms: (value) => value.toFixed(value < 10 ? 2 : 1),
  mib: (value) => Math.round(value / 2 ** 20).toLocaleString('en-US'),
  starts: (value) => String(Math.round(value * 100) / 100),
  ratio: (value) => value.toFixed(2),
};

export function heading({ version, cpu, cores, node, system, quick }) {
  const lines = [`nestjs-funq ${version} · ${cpu}, ${cores} cores · Node ${node} · ${system}`];
  if (quick) lines.push('A quick run: it shows that everything runs, its figures mean nothing.');
  return lines.join('\n');
}

/** A suite as aligned text: for each column the median and, behind it, the lowest and highest. */
export function table({ title, measures, columns, rounds, rows }) {
  const compared = rows.some(({ ratio }) => ratio);
  const head = ['', ...columns.map((column) => column.title), ...(compared ? ['ratio', 'target'] : ['target'])];
  const lines = rows.map((row) => [
    row.name,
    ...columns.map(({ key, format }) => cell(row.figures[key], FORMATS[format], rounds)),
    ...(compared ? [row.ratio ? `${cell(row.ratio, FORMATS.ratio, 1)} × ${row.than}` : ''] : []),
    target(row.target, columns),
  ]);
  const text = aligned([head, ...lines]);
  return `\n${title}\n${measures}\n\n${text.join('\n')}`;
}

function cell({ median, min, max }, format, rounds) {
  return rounds === 1 ? format(median) : `${format(median)} (${format(min)} – ${format(max)})`;
}

function target(aim, columns) {
  if (!aim) return '';
  const mark = aim.met ? '✓' : '✗';
  if (aim.atLeast !== undefined) return `${mark} ≥ ${aim.atLeast} ×`;
  const { format, title } = columns.find(({ key }) => key === aim.column);
  return `${mark} ≤ ${FORMATS[format](aim.atMost)} ${title}`;
}

/** The first column and those of words to the left, figures to the right. */
function aligned(rows) {
  const used = rows[0].map((_, column) => rows.slice(1).some((row) => row[column] !== ''));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((text, column) => {
        if (!used[column]) return '';
        return isFigure(rows[1][column]) ? text.padStart(widths[column]) : text.padEnd(widths[column]);
      })
      .filter((_, column) => used[column])
      .join('   ')
      .trimEnd(),
  );
}

const isFigure = (text) => /^\d/.test(text) && !text.includes('×');

/** Three digits: the others are noise. */
function significant(value) {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}
