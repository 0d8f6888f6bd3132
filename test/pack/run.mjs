// Packs the library as it would be published and tries the tarball in new applications outside the project, ES modules and
// CommonJS, on Nest 11 and 12: first as a library that brings no client, then as a microservice. Each ends by itself.
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
const nest12 = (name) => manifest.devDependencies[name];
const nest11 = () => '^11.0.0';

const applications = [
  { name: 'ES modules on Nest 12', nest: nest12, type: 'module', resolutions: ['nodenext', 'bundler'] },
  { name: 'CommonJS on Nest 12', nest: nest12, type: 'commonjs', resolutions: ['nodenext', 'node10'] },
  { name: 'ES modules on Nest 11', nest: nest11, type: 'module', resolutions: ['nodenext'] },
  { name: 'CommonJS on Nest 11', nest: nest11, type: 'commonjs', resolutions: ['nodenext'] },
];

/** What each application is in turn: its program and its types, and what it prints. */
const trials = [
  { program: 'app', prints: 'greeted world' },
  {
    program: 'microservice',
    needs: '@nestjs/microservices',
    prints: 'price 6, nothing to pay, placed A1 at attempt 2',
  },
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

function install(cwd, packages) {
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', ...packages], { cwd, seconds: 300 });
}

function create({ name, nest, type }, tarball) {
  const cwd = join(scratch, name.replaceAll(' ', '-').toLowerCase());
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'scratch', version: '0.0.0', private: true, type }));
  const frameworks = ['@nestjs/common', '@nestjs/core'].map((framework) => `${framework}@${nest(framework)}`);
  install(cwd, [tarball, ...frameworks, 'rxjs@^7.8.0', 'reflect-metadata@^0.2.0']);
  checkContents(join(cwd, 'node_modules', 'nestjs-funq'));
  const uninvited = optionalPeers.filter((peer) => existsSync(join(cwd, 'node_modules', peer)));
  check(uninvited.length === 0, `the install brought ${uninvited.join(', ')}`);
  return cwd;
}

function tryOut({ program, prints }, { type, resolutions }, cwd) {
  const main = `${program}${type === 'module' ? '.mjs' : '.cjs'}`;
  writeFileSync(join(cwd, main), readFileSync(join(here, main)));
  const output = run(process.execPath, [main], { cwd, seconds: 60 });
  check(output.trim() === prints, `${main} printed:\n${output}`);

  writeFileSync(join(cwd, `${program}.ts`), readFileSync(join(here, `${program}.ts.txt`)));
  for (const resolution of resolutions) {
    const module = { nodenext: 'nodenext', bundler: 'preserve', node10: 'commonjs' }[resolution];
    const options = { target: 'es2022', module, moduleResolution: resolution, types: [], strict: true, noEmit: true };
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true };
    const compilerOptions = { ...options, ...decorators, ignoreDeprecations: '6.0' };
    writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [`${program}.ts`] }));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd, seconds: 120 });
  }
}

function tryAll(application, tarball) {
  const { name, nest, resolutions } = application;
  const cwd = create(application, tarball);
  for (const trial of trials) {
    if (trial.needs) install(cwd, [`${trial.needs}@${nest(trial.needs)}`]);
    tryOut(trial, application, cwd);
  }
  const version = JSON.parse(readFileSync(join(cwd, 'node_modules/@nestjs/core/package.json'), 'utf8')).version;
  const tried = trials.map(({ program }) => program).join(' and ');
  console.log(`ok  ${name} (${version}): installed, ran as ${tried}, typed with ${resolutions.join(' and ')}`);
}

try {
  const tarball = pack();
  for (const application of applications) tryAll(application, tarball);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
