import { Proxy } from '../../chaos/rig/proxy.js';
import { freePorts } from '../../scripts/services/index.mjs';

/** A proxy before the server at `url`, to be closed in the end, and the address of the server through it. */
export async function proxyTo(url: string): Promise<{ readonly proxy: Proxy; readonly url: string }> {
  const [port] = await freePorts(1);
  const through = new URL(url);
  const proxy = new Proxy(port!, Number(through.port));
  await proxy.accept();
  through.host = `127.0.0.1:${port}`;
  return { proxy, url: through.href };
}
