import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './support/ask.mjs';
import { programOf } from './support/programs.mjs';

/** Debian's other one, in /usr/sbin, goes on as user rabbitmq, who can't write where we are. */
const server = () => programOf('/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server');

/** Its own epmd, which Erlang's nodes find each other by, so that several servers know nothing of each other. */
const SCRIPT = `
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
until epmd -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do sleep 0.1; done
exec "$0"
`;

export const rabbitmq = {
  variable: 'AMQP_URL',
  /** AMQP, management, distribution, epmd. */
  ports: 4,
  stopSignal: 'SIGTERM',
  missing: () => (server() && programOf('epmd') ? [] : ['rabbitmq-server']),
  url: ([port]) => `amqp://guest:guest@127.0.0.1:${port}`,
  prepare({ data, ports: [port, management] }) {
    writeFileSync(join(data, 'plugins'), '[rabbitmq_management].\n');
    writeFileSync(
      join(data, 'rabbitmq.conf'),
      [
        `listeners.tcp.1 = 127.0.0.1:${port}`,
        `management.tcp.ip = 127.0.0.1`,
        `management.tcp.port = ${management}`,
        'disk_free_limit.absolute = 50MB',
        '',
      ].join('\n'),
    );
  },
  command: ({ data, ports: [port, , distribution, epmd] }) => ({
    file: '/bin/sh',
    args: ['-c', SCRIPT, server()],
    env: {
      HOME: data, // for the cookie
      RABBITMQ_NODENAME: 'funq@localhost',
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_DIST_PORT: `${distribution}`,
      ERL_EPMD_PORT: `${epmd}`,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_MNESIA_BASE: join(data, 'mnesia'),
      RABBITMQ_LOG_BASE: join(data, 'log'),
      RABBITMQ_PID_FILE: join(data, 'pid'),
      RABBITMQ_CONFIG_FILE: join(data, 'rabbitmq'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(data, 'plugins'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      // So the script becomes the server instead of waiting for it.
      RABBITMQ_ALLOW_INPUT: '1',
      RABBITMQ_SERVER_START_ARGS: '-noinput',
    },
  }),
  ready: ([port]) => ask(port, Buffer.from('AMQP\0\0\t\x01', 'latin1'), (answer) => answer[0] === 1),
};
