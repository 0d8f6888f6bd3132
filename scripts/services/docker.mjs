// A server as a container of compose.yaml.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ServiceFailure } from './support/failure.mjs';
import { programOf } from './support/programs.mjs';

const COMPOSE = fileURLToPath(new URL('../../compose.yaml', import.meta.url));
const DEADLINE = 10_000;

/** Whether there is an engine, and not only its command line. */
export function engineAnswers() {
  if (!programOf('docker')) return false;
  const answers = (...args) => spawnSync('docker', args, { encoding: 'utf8', timeout: DEADLINE }).status === 0;
  return answers('info', '--format', '{{.ServerVersion}}') && answers('compose', 'version');
}

/** The same verbs as a local server has. Each is a project of its own, named after its folder, with volumes of its own. */
export function dockerServer(name, folder, { ports, settings = {} }) {
  const project = `funq-${name}-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  const args = (...rest) => ['compose', '-p', project, '-f', COMPOSE, ...rest];
  const variables = {
    FUNQ_PORT: `${ports[0]}`,
    ...(settings.fsync && { FUNQ_REDIS_FSYNC: settings.fsync }),
    ...(settings.advertised && { FUNQ_KAFKA_ADVERTISED: `${settings.advertised}` }),
  };
  const env = { ...process.env, ...variables };
  const compose = async (...rest) => {
    try {
      await promisify(execFile)('docker', args(...rest), { env });
    } catch (error) {
      throw new ServiceFailure(`${name}: docker compose ${rest[0]} failed:\n${error.stderr || error.message}`);
    }
  };
  return {
    start: () => compose('up', '--detach', '--wait', name),
    isUp() {
      const options = { encoding: 'utf8', timeout: DEADLINE, env };
      return Boolean(spawnSync('docker', args('ps', '-q', '--status', 'running', name), options).stdout?.trim());
    },
    pid: () => undefined,
    stop: () => compose('stop', name),
    kill: () => compose('kill', name),
    freeze: () => compose('pause', name),
    thaw: () => compose('unpause', name),
    /** For the end of this process: also its volumes. */
    endNow: () => void spawnSync('docker', args('down', '--volumes', '--timeout', '0'), { env }),
  };
}
