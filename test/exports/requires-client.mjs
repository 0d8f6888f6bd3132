// Shows that load.mjs sees a client that is required.
import { createRequire } from 'node:module';

export const client = createRequire(import.meta.url)('libsql');
