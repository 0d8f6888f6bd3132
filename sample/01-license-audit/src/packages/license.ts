export interface License {
  readonly license: string | null;
  readonly reason?: string;
}

const SPDX = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'GPL-3.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'UNLICENSED',
];
/** What old manifests write instead of an identifier. */
const SPELLINGS: Readonly<Record<string, string>> = {
  'apache 2.0': 'Apache-2.0',
  'apache license 2.0': 'Apache-2.0',
  'apache license, version 2.0': 'Apache-2.0',
  'isc license': 'ISC',
  'mit license': 'MIT',
  'the mit license': 'MIT',
  ...Object.fromEntries(SPDX.map((id) => [id.toLowerCase(), id])),
};

/**
 * The licence that a manifest names, however it does: `"MIT"`, `{ "type": "MIT" }`, a list of either (a choice), or an SPDX
 * expression, of which equal ones come out alike: `(MIT OR CC0-1.0)` and `CC0-1.0 OR MIT`.
 */
export function licenseOf({ license, licenses }: { readonly license?: unknown; readonly licenses?: unknown }): License {
  const named = [license, licenses].map(namesIn).find((names) => names.length > 0);
  if (named) return { license: normalise(named.join(' OR ')) };
  const given = license ?? licenses;
  if (given === undefined || given === null) return { license: null, reason: 'package.json has no license field' };
  return { license: null, reason: `its license field names none: ${JSON.stringify(given).slice(0, 60)}` };
}

function namesIn(field: unknown): string[] {
  const list: unknown[] = Array.isArray(field) ? field : [field];
  return list.map(nameOf).filter((name) => name !== '');
}

function nameOf(value: unknown): string {
  const { type, name } = Object(value) as { type?: unknown; name?: unknown };
  const text = [value, type, name].find((candidate) => typeof candidate === 'string');
  return (text ?? '').replace(/\s+/g, ' ').trim();
}

function normalise(text: string): string {
  if (/^see licen[sc]e in /i.test(text)) return 'SEE LICENSE IN file';
  const expression = text.replace(/^\(([^()]*)\)$/, '$1');
  for (const operator of [' OR ', ' AND ']) {
    const parts = expression.split(operator);
    // With brackets or both operators left, the order matters: such an expression stays as it is.
    if (parts.length > 1 && !/[()]| OR | AND /.test(parts.join()))
      return [...new Set(parts.map(spelled))].sort().join(operator);
  }
  return spelled(expression);
}

function spelled(name: string): string {
  const known = SPELLINGS[name.trim().toLowerCase()];
  return known ?? name.trim();
}
