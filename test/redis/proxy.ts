import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and a server, and can lose what the server says. */
export class Proxy {
  readonly #sockets = new Set<Socket>();
  #muted = false;

  private constructor(private readonly server: Server) {}

  static async to(port: number): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on the server is heard by nobody, until the connections are cut. */
  mute(): void {
    this.#muted = true;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#muted = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #join(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => server.write(data)).on('close', () => server.destroy());
    server.on('data', (data) => this.#muted || client.write(data)).on('close', () => client.destroy());
  }
}
