import { ask } from './support/ask.mjs';
import { programOf } from './support/programs.mjs';

export const redis = {
  variable: 'REDIS_URL',
  ports: 1,
  stopSignal: 'SIGTERM',
  missing: () => (programOf('redis-server') ? [] : ['redis-server']),
  url: ([port]) => `redis://127.0.0.1:${port}`,
  /** `settings.fsync`: Redis' `appendfsync`, by default `everysec`. */
  command: ({ data, ports: [port], settings: { fsync = 'everysec' } }) => ({
    file: programOf('redis-server'),
    args: `--port ${port} --bind 127.0.0.1 --appendonly yes --appendfsync ${fsync}`
      .split(' ')
      .concat('--save', '', '--dir', data),
  }),
  ready: ([port]) => ask(port, 'PING\r\n', (answer) => answer.toString('latin1').startsWith('+PONG')),
};
