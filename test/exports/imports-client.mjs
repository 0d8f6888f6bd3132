// Shows that load.mjs sees a client that is imported.
export { default as client } from 'libsql';
