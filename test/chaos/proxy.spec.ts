import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../scripts/services/index.mjs';
import { Proxy } from '../../chaos/rig/proxy.js';

describe('the proxy', () => {
  it('carries both ways, to the end of each', async () => {
    const { proxy, open, server } = await rig();
    const socket = await open();
    expect(await answer(socket, 'hello')).toBe('hello');
    socket.end();
    await once(socket, 'close');
    expect(proxy.connections).toBe(0);
    expect(await count(server)).toBe(0);
  });

  it('refuses and resets, and lets through again', async () => {
    const { proxy, open } = await rig();
    const socket = await open();
    const reset = once(socket, 'error');
    await proxy.refuse();
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.accept();
    expect(await answer(await open(), 'again')).toBe('again');
  });

  it('loses what the server says, which still hears', async () => {
    const { proxy, open, server } = await rig();
    const socket = await open();
    await answer(socket, 'before');
    proxy.mute();
    let heard = '';
    socket.on('data', (bytes) => (heard += String(bytes)));
    socket.write('unanswered');
    expect(await answer(await open(), 'another')).toBe('another');
    expect(heard).toBe('');
    socket.end();
    await expect.poll(() => count(server)).toBe(1);
  });

  it('makes connections hang without telling either side, while others go through', async () => {
    const { proxy, open, server } = await rig();
    const socket = await open();
    await answer(socket, 'before');
    proxy.hang();
    let heard = '';
    socket.on('data', (bytes) => (heard += String(bytes)));
    socket.write('lost');
    expect(await answer(await open(), 'another')).toBe('another');
    expect(heard).toBe('');
    socket.destroy();
    expect(await answer(await open(), 'a third')).toBe('a third');
    // Nobody has told the server.
    expect(await count(server)).toBe(3);
  });

  it('resets who comes while the server is down', async () => {
    const { open, server } = await rig();
    server.close();
    const socket = await open();
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  });
});

/** A server that says everything again, behind a proxy. */
async function rig(): Promise<{ proxy: Proxy; server: Server; open: () => Promise<Socket> }> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [port] = await freePorts(1);
  const proxy = new Proxy(port!, (server.address() as AddressInfo).port);
  await proxy.accept();
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  const open = async (): Promise<Socket> => {
    const socket = connect(port!, '127.0.0.1');
    await once(socket, 'connect');
    return socket.on('error', () => undefined);
  };
  return { proxy, server, open };
}

async function answer(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return String((await once(socket, 'data'))[0]);
}

function count(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, connections) => (error ? reject(error) : resolve(connections))),
  );
}
