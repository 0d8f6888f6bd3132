import { connect, createServer, type Server, type Socket } from 'node:net';

/** Both ends of one connection. */
type Pair = readonly [client: Socket, server: Socket];

/** Stands between the processes and their server, and does to connections what networks do. */
export class Proxy {
  readonly #open = new Set<Pair>();
  #listener: Server | undefined;

  constructor(
    /** Where it listens, on loopback. */
    readonly port: number,
    /** Port of the server. */
    private readonly target: number,
  ) {}

  /** How many connections it carries, those that hang included. */
  get connections(): number {
    return this.#open.size;
  }

  /** Lets connections through from now on. */
  async accept(): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#carry(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, '127.0.0.1', resolve);
    });
    this.#listener = listener;
  }

  /** Refuses new connections, and resets those there are. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (!listener) return;
    const closed = new Promise((resolve) => listener.close(resolve));
    this.reset();
    await closed;
  }

  /** Resets the connections there are. */
  reset(): void {
    for (const pair of this.#open) for (const socket of pair) socket.resetAndDestroy();
  }

  /** From now on the connections there are carry nothing any more, and neither side is told, whatever the other one does. */
  hang(): void {
    for (const [client, server] of this.#open) {
      for (const socket of [client, server]) {
        socket.unpipe();
        for (const event of ['end', 'close', 'error']) socket.removeAllListeners(event);
        socket.on('error', () => undefined).pause();
      }
    }
  }

  /** From now on what the server says on the connections there are is lost; it hears everything. */
  mute(): void {
    for (const [client, server] of this.#open) server.unpipe(client).resume();
  }

  /** Ends everything. */
  close(): Promise<void> {
    return this.refuse();
  }

  #carry(client: Socket): void {
    const server = connect({ port: this.target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const pair: Pair = [client, server];
    this.#open.add(pair);
    client.pipe(server).pipe(client);
    for (const [socket, other] of [pair, [server, client] as const]) {
      // One that was reset, or never got through, resets the other.
      socket.on('error', () => other.resetAndDestroy());
      socket.on('close', () => {
        if (other.destroyed) this.#open.delete(pair);
      });
    }
  }
}
