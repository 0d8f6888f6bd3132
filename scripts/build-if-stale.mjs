// Builds the library when dist/ is missing, older than a source, or made from another set of sources.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const filesUnder = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.replaceAll('\\', '/'))
    : [];
const changed = (file) => statSync(file).mtimeMs;

const sources = filesUnder('lib').filter((file) => file.endsWith('.ts'));
const outputs = filesUnder('dist').filter((file) => file.endsWith('.js'));
const expected = new Set(sources.map((file) => file.replace(/^lib(.*)\.ts$/, 'dist$1.js')));

const sameSet = outputs.length === expected.size && outputs.every((file) => expected.has(file));
const newest = Math.max(...[...sources, 'tsconfig.json', 'nest-cli.json'].map(changed));
const fresh = sameSet && outputs.every((file) => changed(file) >= newest);

if (!fresh) process.exitCode = spawnSync('npm run build', { shell: true, stdio: 'inherit' }).status ?? 1;
