import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './run-sample.js';

/** Manifests that real trees hold one day or another: file contents, or what becomes JSON. */
const MANIFESTS: Readonly<Record<string, string | Buffer | object>> = {
  plain: { name: 'plain', version: '1.0.0', license: 'MIT' },
  'object-form': { name: 'object-form', version: '1.0.0', license: { type: 'MIT', url: 'https://mit.example' } },
  'list-form': { name: 'list-form', version: '1.0.0', licenses: [{ type: 'MIT' }, { type: 'Apache-2.0' }] },
  'list-of-one': { name: 'list-of-one', version: '1.0.0', license: ['ISC'] },
  'old-spelling': { name: 'old-spelling', version: '1.0.0', license: 'Apache License, Version 2.0' },
  'in-file': { name: 'in-file', version: '1.0.0', license: 'SEE LICENSE IN LICENSE.txt' },
  unlicensed: { name: 'unlicensed', version: '1.0.0', license: 'unlicensed' },
  bracketed: { name: 'bracketed', version: '1.0.0', license: '(MIT AND (BSD-3-Clause OR ISC))' },
  steering: { name: 'steering', version: '1.0.0', license: 'Evil\u001b[2J\n License' },
  'byte-order-mark': '\uFEFF{ "name": "byte-order-mark", "version": "1.0.0", "license": "ISC" }',
  huge: { name: 'huge', version: '1.0.0', license: 'MIT', padding: 'p'.repeat(3_000_000) },
  silent: { name: 'silent', version: '1.0.0' },
  'url-only': { name: 'url-only', version: '1.0.0', license: { url: 'https://license.example' } },
  '@scope/choice': { name: '@scope/choice', version: '1.0.0', license: '(MIT OR CC0-1.0)' },
  '@scope/choice/node_modules/nested': { name: 'nested', version: '1.0.0', license: 'CC0-1.0 OR MIT' },
  '@scope/choice/node_modules/nested/node_modules/@deep/er': { name: '@deep/er', version: '1.0.0', license: 'MIT' },
  'bad-json': '{ "name": "bad-json", "version": }\u001b[31m\n',
  'empty-file': '',
  'no-object': '[]',
  'null-file': 'null',
  'no-name': { version: '1.0.0', license: 'MIT' },
  'no-version': { name: 'no-version', license: 'MIT' },
  'odd-name': { name: 5, version: '1.0.0', license: 'MIT' },
  utf16: Buffer.from('\uFEFF{ "name": "utf16", "version": "1.0.0" }', 'utf16le'),
  // None of these is an installed package.
  '.bin/tool': { name: 'tool', version: '1.0.0', license: 'MIT' },
  'plain/lib/node_modules/bundled': { name: 'bundled', version: '1.0.0', license: 'MIT' },
};

/** What the licences of {@link prepareTree} come to: how many packages each. */
export const PREPARED_LICENSES: Readonly<Record<string, number>> = {
  MIT: 4,
  'CC0-1.0 OR MIT': 2,
  ISC: 2,
  'Apache-2.0 OR MIT': 1,
  'Apache-2.0': 1,
  'SEE LICENSE IN file': 1,
  UNLICENSED: 1,
  '(MIT AND (BSD-3-Clause OR ISC))': 1,
  'Evil\u001b[2J License': 1,
};

/** Broken packages, and how the reason begins. */
export const PREPARED_BROKEN: Readonly<Record<string, string>> = {
  'bad-json': 'package.json is not JSON: ',
  'empty-file': 'package.json is empty',
  folder: 'package.json is not a file',
  nothing: 'there is no package.json',
  'no-object': 'package.json is JSON, but no object',
  'null-file': 'package.json is JSON, but no object',
  'no-name': 'package.json has no name',
  'no-version': 'package.json has no version',
  'odd-name': 'package.json has no name',
  utf16: 'package.json is not JSON: ',
};

/** A folder with odd packages in its node_modules. */
export function prepareTree(): string {
  const root = temporaryFolder();
  for (const [name, content] of Object.entries(MANIFESTS)) addPackage(root, name, content);
  mkdirSync(join(root, 'node_modules', 'folder', 'package.json'), { recursive: true });
  mkdirSync(join(root, 'node_modules', 'nothing'));
  mkdirSync(join(root, 'workspace'));
  symlinkSync(join(root, 'workspace'), join(root, 'node_modules', 'workspace'), 'junction');
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), '{}');
  return root;
}

export function addPackage(root: string, name: string, content: string | Buffer | object): void {
  const folder = join(root, 'node_modules', name);
  const isText = typeof content === 'string' || Buffer.isBuffer(content);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), isText ? content : JSON.stringify(content));
  writeFileSync(join(folder, 'index.js'), '// '.padEnd(100, name));
}
