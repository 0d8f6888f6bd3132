import { swept, withServer } from '../support/redis.mjs';
import { measure as publish } from './funq-publish.mjs';

/** As `funq-publish`, with the server's part; a quarter more tasks warm up. */
export async function measure({ way = 'in flight', ...settings }) {
  await swept();
  return withServer(settings.tasks * 1.25, () => publish({ ...settings, way }));
}
