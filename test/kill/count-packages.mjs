// Counts a folder's installed packages directly. Shares no code with the sample, whose totals are checked against it.
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

export function countPackages(root) {
  const count = { packages: 0, done: 0, dead: 0, bytes: 0, licenses: {}, unlicensed: [], broken: [] };
  for (const folder of packagesBelow(root)) {
    const name = relative(root, folder).replaceAll('\\', '/');
    const manifest = readManifest(folder);
    count.packages += 1;
    if (!manifest) {
      count.dead += 1;
      count.broken.push(name);
      continue;
    }
    const bytes = bytesIn(folder, true);
    count.done += 1;
    count.bytes += bytes;
    const license = licenseIn(manifest);
    if (license === undefined) {
      count.unlicensed.push(name);
      continue;
    }
    count.licenses[license] ??= { packages: 0, bytes: 0 };
    count.licenses[license].packages += 1;
    count.licenses[license].bytes += bytes;
  }
  count.unlicensed.sort();
  count.broken.sort();
  return count;
}

function* packagesBelow(folder) {
  const modules = join(folder, 'node_modules');
  for (const name of subfolders(modules)) {
    const found = name[0] === '@' ? subfolders(join(modules, name)).map((inner) => `${name}/${inner}`) : [name];
    for (const inner of found) {
      yield join(modules, inner);
      yield* packagesBelow(join(modules, inner));
    }
  }
}

function subfolders(folder) {
  let names = [];
  try {
    names = readdirSync(folder);
  } catch {
    return names;
  }
  return names.filter((name) => name[0] !== '.' && lstatSync(join(folder, name)).isDirectory());
}

function readManifest(folder) {
  try {
    const file = join(folder, 'package.json');
    if (!statSync(file).isFile()) return undefined;
    let text = readFileSync(file, 'utf8');
    if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    const manifest = JSON.parse(text);
    const isNamed = ['name', 'version'].every(
      (field) => typeof manifest?.[field] === 'string' && manifest[field] !== '',
    );
    return isNamed ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function bytesIn(folder, top) {
  let bytes = 0;
  for (const name of readdirSync(folder)) {
    if (top && name === 'node_modules') continue;
    const inner = join(folder, name);
    const stats = lstatSync(inner);
    if (stats.isFile()) bytes += stats.size;
    else if (stats.isDirectory()) bytes += bytesIn(inner, false);
  }
  return bytes;
}

/** As simple as the manifests of a real tree allow; a test that prepares odder ones says itself what they come to. */
function licenseIn({ license, licenses }) {
  const field = license ?? licenses;
  const names = [field].flat().map((each) => (typeof each === 'string' ? each : each?.type));
  if (names.some((name) => typeof name !== 'string')) return undefined;
  const all = names.join(' OR ').replace(/^\(([^()]*)\)$/, '$1');
  if (/[()]/.test(all) || (all.includes(' OR ') && all.includes(' AND '))) return all;
  const operator = all.includes(' AND ') ? ' AND ' : ' OR ';
  return all.split(operator).sort().join(operator) || undefined;
}
