import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface RabbitProxy {
  /** As the server's, through the proxy. */
  readonly url: string;
  /** Resets every connection that passes through. */
  cut(): void;
  /** From now on nothing passes, in neither direction, and no connection ends. */
  silence(): void;
  /** Accepts no connection until `resume`. */
  refuse(): Promise<void>;
  resume(): Promise<void>;
  close(): void;
}

/** Stands between a client and the server and does what networks do. */
export async function rabbitProxy(target: string): Promise<RabbitProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  const pass = (client: Socket): void => {
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  };
  let server = createServer(pass).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.host = `127.0.0.1:${own}`;
  const cut = (): void => pairs.forEach(([client, upstream]) => void (client.resetAndDestroy(), upstream.destroy()));
  return {
    url: url.href,
    cut,
    silence: () => pairs.forEach((pair) => pair.forEach((socket) => void socket.removeAllListeners('data').pause())),
    async refuse() {
      server.close();
      cut();
      await once(server, 'close');
    },
    async resume() {
      server = createServer(pass).listen(own, '127.0.0.1');
      await once(server, 'listening');
    },
    close: () => void (server.close(), cut()),
  };
}
