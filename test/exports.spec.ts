import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CLIENTS } from './layers/rules.js';

const root = fileURLToPath(new URL('../', import.meta.url));

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> };
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Manifest;

const subpaths = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === 'string' ? [] : { subpath, name: `nestjs-funq${subpath.slice(1)}`, ...target },
);
const backends = ['brokers', 'stores'].flatMap((folder) =>
  existsSync(`${root}lib/${folder}`)
    ? readdirSync(`${root}lib/${folder}`)
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `${folder}/${file.slice(0, -3)}`)
    : [],
);
const optionalPeers = Object.keys(manifest.peerDependenciesMeta).filter(
  (n) => manifest.peerDependenciesMeta[n]?.optional,
);
const clients = new Set([...optionalPeers, ...Object.values(CLIENTS).flatMap((rule) => rule.packages)]);

interface Loaded {
  readonly names: readonly string[];
  readonly same: boolean;
  readonly loaded: readonly string[];
}

async function load(name: string): Promise<Loaded> {
  const { stdout } = await promisify(execFile)(process.execPath, ['test/exports/load.mjs', name], {
    cwd: root,
    timeout: 15_000,
  });
  return JSON.parse(stdout) as Loaded;
}

const clientsIn = (loaded: readonly string[]): string[] =>
  [...clients].filter((client) => loaded.some((file) => file === client || file.includes(`/node_modules/${client}/`)));

describe('the exports of package.json', () => {
  it('have one line for each broker and each store', () => {
    const expected = backends.map((path) => ({
      [path.startsWith('stores/') ? `./${path}` : path.replace('brokers/', './')]: {
        types: `./dist/${path}.d.ts`,
        default: `./dist/${path}.js`,
      },
    }));
    expect(manifest.exports).toMatchObject(Object.assign({}, ...expected) as object);
  });

  it('have no pattern', () => {
    expect(Object.keys(manifest.exports).filter((subpath) => subpath.includes('*'))).toEqual([]);
  });

  it.each(subpaths)('$subpath has a source and its types beside it', ({ types, default: target }) => {
    const source = target.replace(/^\.\/dist\/(.*)\.js$/, 'lib/$1.ts');
    expect(existsSync(root + source), `${source} exists`).toBe(true);
    expect(types).toBe(target.replace(/\.js$/, '.d.ts'));
  });

  it('are repeated for the older resolution of TypeScript', () => {
    const expected = subpaths.filter(({ subpath }) => subpath !== '.').map((s) => [s.subpath.slice(2), [s.types]]);
    expect(manifest.typesVersions['*']).toEqual(Object.fromEntries(expected));
  });

  it('need a client only as an optional peer', () => {
    const packages = [...clients].filter((client) => !client.startsWith('node:'));
    expect(optionalPeers.toSorted()).toEqual(packages.toSorted());
    expect(packages.filter((name) => !(name in manifest.peerDependencies))).toEqual([]);
  });
});

describe('the built package, in plain Node', () => {
  it.each(subpaths)('$name is imported and required', async ({ name }) => {
    const { names, same } = await load(name);
    expect(names.length).toBeGreaterThan(0);
    expect(names).not.toContain('default');
    expect(same).toBe(true);
  });

  it('loads no client with its root', async () => {
    const { loaded } = await load('nestjs-funq');
    expect(loaded.some((file) => file.endsWith('/dist/index.js'))).toBe(true);
    expect(clientsIn(loaded)).toEqual([]);
  });

  it('loads no broker and no store with its root', async () => {
    const { loaded } = await load('nestjs-funq');
    expect(loaded.filter((file) => /\/dist\/(brokers|stores|testing)\//.test(file))).toEqual([]);
  });
});

describe('the check for clients', () => {
  it.each(['imports', 'requires'])('sees a module that %s one', async (how) => {
    const { loaded } = await load(`./${how}-client.mjs`);
    expect(clientsIn(loaded)).toEqual(['libsql']);
  });
});
