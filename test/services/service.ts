import { describe, it } from 'vitest';
import { SERVICES, ensureServiceNow, serviceUrl, type ServiceName } from '../../scripts/services/index.mjs';

export { SERVICES, type ServiceName };

type Body = (url: string) => void | Promise<void>;

/**
 * Registers the tests of `body` with the server's address: that of its variable, or of the one that all share. Where there is
 * none, one skipped test says so by name. In `npm run test:all` it is started now, and fails its tests when it can't be had.
 */
export function withService(name: ServiceName, body: Body): void {
  describe(name, () => {
    const url = process.env[SERVICES[name]] || serviceUrl(name);
    if (url) return body(url);
    if (process.env['FUNQ_SERVICES'] === 'required') return started(name, body);
    it.skip(`${name} is not up: set ${SERVICES[name]}, or run npm run services`);
  });
}

function started(name: ServiceName, body: Body): void | Promise<void> {
  let url: string;
  try {
    url = ensureServiceNow(name);
  } catch (error) {
    it('is up', () => {
      throw error;
    });
    return undefined;
  }
  return body(url);
}
