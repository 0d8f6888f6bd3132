import type { Result } from './experiment.js';

/** One run's account as lines of words and figures. */
export function detailsOf({ account, findings }: Result): string {
  const { recovery } = account;
  const rows: (readonly [string, string | number])[] = [
    ['tasks whose publish was begun', account.attempted],
    ['acknowledged to the publisher', account.acknowledged],
    ['refused to the publisher', account.rejected],
    ['executed', account.executed],
    ['… though their publisher never learnt', account.recovered],
    ['in the dead letters', account.dead],
    ['still queued', account.queued],
    ['faults', account.faults],
    ['in flight at the faults', account.inFlight],
    ['executed again', account.duplicated],
    ['… that no fault explains', account.unexplained],
    ['lost', account.lost],
    ['unexpected', account.unexpected],
    ['executed though refused', account.contradicted],
    ['leases lost without a fault', account.leasesLost],
    ['acknowledged late: refused', account.staleRefused],
    ['acknowledged late: accepted', account.staleAccepted],
    ['processes crashed', account.crashed],
    ['back at work, p50 / p99 / max', recovery ? `${recovery.p50} / ${recovery.p99} / ${recovery.max} ms` : '-'],
    ...findings.map(({ name, value }) => [name, value] as const),
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(44)}${String(value).padStart(10)}`).join('\n');
}

/** All runs, one row each, as Markdown. */
export function tableOf(rows: readonly { readonly fault: string; readonly result: Result }[]): string {
  const head = [
    'fault', 'faults', 'acknowledged', 'lost', 'in flight at the faults', 'executed again', 'unexplained', 'late acks accepted',
    'back at work p50 / p99 / max', 'verdict',
  ]; // prettier-ignore
  const body = rows.map(({ fault, result: { account, breaches } }) => {
    const { recovery: back } = account;
    return [
      fault, account.faults, account.acknowledged, account.lost, account.inFlight, account.duplicated, account.unexplained,
      account.staleAccepted, back ? `${back.p50} / ${back.p99} / ${back.max} ms` : '–', breaches.length > 0 ? 'FAILED' : 'ok',
    ]; // prettier-ignore
  });
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
