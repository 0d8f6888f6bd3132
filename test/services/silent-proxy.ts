import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server on which connections can fall silent without being closed, as when a cable is pulled. */
export interface SilentProxy {
  readonly port: number;
  /** Every connection that is open now carries nothing any more; new ones do. */
  silence(): void;
  close(): Promise<void>;
}

export async function silentProxy(target: number): Promise<SilentProxy> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => (open.delete(from), to.destroy()));
      from.pipe(to);
    }
  }); // prettier-ignore
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      for (const socket of open) socket.unpipe().pause();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
