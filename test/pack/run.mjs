// Packs the library as it would be published and tries the tarball in new applications outside the project: ES modules
// and CommonJS on Nest 12, ES modules on Nest 11. Each publishes one task, consumes it, closes and ends by itself.
// Needs the npm registry. Exits with 1 if anything is not as it should be.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'nestjs-funq-pack-'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const optionalPeers = Object.keys(manifest.peerDependenciesMeta);
const nest12 = manifest.devDependencies['@nestjs/core'];

const applications = [
  {
    name: 'ES modules on Nest 12',
    nest: nest12,
    type: 'module',
    main: 'app.mjs',
    resolutions: ['nodenext', 'bundler'],
  },
  { name: 'CommonJS on Nest 12', nest: nest12, type: 'commonjs', main: 'app.cjs', resolutions: ['nodenext', 'node10'] },
  { name: 'ES modules on Nest 11', nest: '^11.0.0', type: 'module', main: 'app.mjs', resolutions: ['nodenext'] },
];

function run(command, args, { cwd, seconds }) {
  const windows = process.platform === 'win32';
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: seconds * 1000, shell: windows });
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`;
  if (done.status !== 0) {
    const how =
      done.error?.code === 'ETIMEDOUT' ? `took more than ${seconds} s` : `ended with ${done.status ?? done.signal}`;
    throw new Error(`${command} ${args.join(' ')} ${how}\n${output}`);
  }
  return output;
}

function check(condition, message) {
  if (!condition) throw new Error(message);
}

function pack() {
  run('npm', ['pack', '--pack-destination', scratch], { cwd: root, seconds: 180 });
  const [tarball, ...others] = readdirSync(scratch).filter((file) => file.endsWith('.tgz'));
  check(tarball && others.length === 0, 'npm pack did not make exactly one tarball');
  return join(scratch, tarball);
}

function checkContents(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
  const stray = files.filter((file) => !/^(dist\/.+\.(js|js\.map|d\.ts)|package\.json|[A-Z]+(\.md)?)$/.test(file));
  check(stray.length === 0, `the tarball holds files that it should not: ${stray.join(', ')}`);
  const missing = ['LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts'].filter(
    (file) => !files.includes(file),
  );
  check(missing.length === 0, `the tarball lacks ${missing.join(', ')}`);
}

function tryOut({ name, nest, type, main, resolutions }, tarball) {
  const cwd = join(scratch, name.replaceAll(' ', '-').toLowerCase());
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'scratch', version: '0.0.0', private: true, type }));
  const packages = [
    tarball,
    `@nestjs/common@${nest}`,
    `@nestjs/core@${nest}`,
    'rxjs@^7.8.0',
    'reflect-metadata@^0.2.0',
  ];
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', ...packages], { cwd, seconds: 300 });

  checkContents(join(cwd, 'node_modules', 'nestjs-funq'));
  const uninvited = optionalPeers.filter((peer) => existsSync(join(cwd, 'node_modules', peer)));
  check(uninvited.length === 0, `the install brought ${uninvited.join(', ')}`);

  writeFileSync(join(cwd, main), readFileSync(join(here, main)));
  const output = run(process.execPath, [main], { cwd, seconds: 60 });
  check(output.trim() === 'greeted world', `the application printed:\n${output}`);

  writeFileSync(join(cwd, 'types.ts'), readFileSync(join(here, 'types.ts.txt')));
  for (const resolution of resolutions) {
    const module = { nodenext: 'nodenext', bundler: 'preserve', node10: 'commonjs' }[resolution];
    const options = { target: 'es2022', module, moduleResolution: resolution, types: [], strict: true, noEmit: true };
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true };
    const compilerOptions = { ...options, ...decorators, ignoreDeprecations: '6.0' };
    writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd, seconds: 120 });
  }
  const version = JSON.parse(readFileSync(join(cwd, 'node_modules/@nestjs/core/package.json'), 'utf8')).version;
  console.log(`ok  ${name} (${version}): installed, ran, typed with ${resolutions.join(' and ')}`);
}

try {
  const tarball = pack();
  for (const application of applications) tryOut(application, tarball);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
