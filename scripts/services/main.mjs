// Servers for the tests. See `usage`.
import { sharedServer, SERVICES } from './index.mjs';
import { engineAnswers } from './docker.mjs';
import { obtain } from './obtain.mjs';
import { ServiceFailure } from './support/failure.mjs';

const NAMES = Object.keys(SERVICES);
const usage = `npm run services [-- verb [names]]

  up        starts them and waits until they answer (the verb if none is given)
  down      stops them; their data stays
  restart   both
  status    says what is up
  install   brings what they need and does not start them
  ensure    starts one and prints its address, for programs

Names: ${NAMES.join(', ')}; none means all.`;

const say = (text) => console.error(text);

const VERBS = {
  async up(name) {
    const server = sharedServer(name, say);
    const fresh = await server.start();
    report(server, fresh ? 'started' : 'was up');
  },
  async down(name) {
    const server = sharedServer(name);
    const wasUp = server.isUp();
    await server.stop();
    report(server, wasUp ? 'stopped' : 'was down');
  },
  async restart(name) {
    const server = sharedServer(name, say);
    await server.stop();
    await server.start();
    report(server, 'restarted');
  },
  async status(name) {
    const server = sharedServer(name);
    report(server, server.isUp() ? 'up' : 'down');
  },
  async install(name) {
    if (!engineAnswers()) await obtain([name], say);
  },
  async ensure(name) {
    const server = sharedServer(name, say);
    await server.start();
    console.log(server.url());
  },
};

function report(server, state) {
  const { name } = server;
  const address =
    state.endsWith('down') || state === 'stopped' ? '' : ` ${SERVICES[name]}=${server.url()} (${server.how()})`;
  console.log(`${name.padEnd(9)} ${state.padEnd(9)}${address}`);
}

const [verb = 'up', ...names] = process.argv.slice(2);
const unknown = names.filter((name) => !NAMES.includes(name));
if (['help', '--help', '-h'].includes(verb)) {
  console.log(usage);
} else if (!VERBS[verb] || unknown.length > 0) {
  console.error(`${VERBS[verb] ? `unknown: ${unknown.join(', ')}` : `unknown verb '${verb}'`}\n\n${usage}`);
  process.exitCode = 2;
} else {
  await Promise.all((names.length > 0 ? names : NAMES).map(attempt));
}

/** What can't be had keeps nothing else from being done. */
async function attempt(name) {
  try {
    await VERBS[verb](name);
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    const advice = `or set ${SERVICES[name]} to the address of one that runs elsewhere`;
    console.error(`${name.padEnd(9)} failed    ${error.message}\n          ${advice}`);
    process.exitCode = 1;
  }
}
