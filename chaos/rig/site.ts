import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.js';
import { Proxy } from './proxy.js';
import { freePorts, isServed, startPrivate, urlOf, type PrivateServer } from './services.js';

/** Where the tasks are kept during a run, and for a fault that needs them the server and the way to it. */
export interface Site {
  readonly folder: string;
  readonly url: string;
  readonly namespace: string;
  readonly server: PrivateServer | undefined;
  readonly proxy: Proxy | undefined;
  close(): Promise<void>;
}

/** `folder` has a random name. */
export async function openSite(broker: string, fault: Fault, folder: string): Promise<Site> {
  const store = join(folder, 'store');
  mkdirSync(store);
  const place = { folder: store, namespace: namespaceOf(folder) };
  const own = fault.server && isServed(broker) ? await ownServer(broker, fault.server, folder) : undefined;
  if (own) return { ...place, ...own };
  return { ...place, url: await urlOf(broker), server: undefined, proxy: undefined, close: () => Promise.resolve() };
}

/** Out of a folder's name, which ends in letters and figures by chance. */
export function namespaceOf(folder: string): string {
  return `chaos${folder.replace(/^.*-/, '').toLowerCase()}`;
}

async function ownServer(
  broker: Parameters<typeof startPrivate>[0],
  way: NonNullable<Fault['server']>,
  folder: string,
): Promise<Pick<Site, 'url' | 'server' | 'proxy' | 'close'>> {
  const [port, front] = (await freePorts(2)) as [number, number];
  const proxied = way === 'proxied';
  // As safe as Redis can be, so that nothing which was confirmed may be lost; the others are so by themselves.
  const settings = { fsync: 'always', ...(proxied && { advertised: front }) } as const;
  const server = await startPrivate(broker, { folder: join(folder, 'server'), port, settings });
  if (!proxied) return { url: server.url, server, proxy: undefined, close: () => server.close() };
  const proxy = new Proxy(front, port);
  await proxy.accept();
  return {
    url: server.url.replace(`:${port}`, `:${front}`),
    server,
    proxy,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}
