import { ServiceFailure } from './failure.mjs';
import { programOf, run } from './programs.mjs';

/** Installs packages where that is possible: on Debian and its kin, as root. Their own servers are not started. */
export function installPackages(packages, say) {
  if (packages.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!programOf('apt-get') || process.getuid?.() !== 0)
    throw new ServiceFailure(`missing: ${packages.join(', ')}. Start Docker, or install them (on Debian: ${command})`);
  say(`apt-get: installs ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  run('apt-get', ['update', '-q'], { env });
  run('apt-get', command.split(' ').slice(1), { env });
}
