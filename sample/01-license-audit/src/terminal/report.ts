import type { Finding, Summary } from '../summary.js';
import { printable, size, type Paint } from './text.js';

/** The totals for people. */
export function report(summary: Summary, paint: Paint): string {
  const { root, licenses, unlicensed, broken } = summary;
  return [
    `\n${paint('bold', `Licences of the packages in ${printable(root)}`)}\n`,
    ...table(summary, Object.entries(licenses), paint),
    ...findings('yellow', `${count(unlicensed.length)} without a licence`, unlicensed, paint),
    ...findings('red', `${count(broken.length)} could not be audited, kept as dead letters`, broken, paint),
    `\n${counts(summary, paint)}`,
  ].join('\n');
}

function table(
  { done, bytes, unlicensed }: Summary,
  licenses: [string, Summary['licenses'][string]][],
  paint: Paint,
): string[] {
  const names = licenses.map(([license]) => printable(license, 40));
  const width = Math.max(...names.map((name) => name.length), 12);
  const row = (name: string, packages: string, share: string): string =>
    `  ${name.padEnd(width)}  ${packages.padStart(8)}  ${share.padStart(8)}`;
  const rule = paint('dim', `  ${'─'.repeat(width + 20)}`);
  return [
    paint('dim', row('licence', 'packages', 'size')),
    rule,
    ...licenses.map(([, share], index) => row(names[index]!, String(share.packages), size(share.bytes))),
    ...(unlicensed.length > 0 ? [paint('yellow', row('none', String(unlicensed.length), ''))] : []),
    rule,
    paint('bold', row('all', String(done), size(bytes))),
  ];
}

function findings(style: 'red' | 'yellow', title: string, list: readonly Finding[], paint: Paint): string[] {
  if (list.length === 0) return [];
  const width = Math.min(Math.max(...list.map(({ folder }) => folder.length)), 60);
  return [
    `\n${paint(style, title)}`,
    ...list.map((each) => `  ${printable(each.folder).padEnd(width)}  ${printable(each.reason)}`),
  ];
}

function counts({ packages, done, doneBefore, dead, duration: ms }: Summary, paint: Paint): string {
  const before = doneBefore > 0 ? `, ${doneBefore} of them before` : '';
  const text = `${packages} packages: ${done} done${before}, ${dead} dead, in ${(ms / 1000).toFixed(1)} s`;
  return `${paint('green', '✔')} ${text}`;
}

function count(n: number): string {
  return n === 1 ? '1 package' : `${n} packages`;
}
