import { createServer } from 'node:net';

/**
 * Below those that systems give to outgoing connections: a client that tries again and again to reach a server that is down
 * could get the server's port for its own, and then talk to itself.
 */
const FIRST = 20_000;
const COUNT = 10_000;

/** Different ports of the loopback address that nobody listens at now. */
export async function freePorts(count) {
  const found = new Set();
  while (found.size < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
