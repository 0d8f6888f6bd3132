import { Redis } from 'ioredis';
import { afterAll } from 'vitest';

/** Removes the keys of a namespace when the suite is over. */
export function emptied({ url, namespace }: { readonly url: string; readonly namespace: string }): void {
  afterAll(async () => {
    const client = new Redis(url);
    for await (const keys of client.scanStream({ match: `${namespace}:*`, count: 1000 }))
      if ((keys as string[]).length > 0) await client.del(keys as string[]);
    client.disconnect();
  });
}
