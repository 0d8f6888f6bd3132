import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './support/ask.mjs';
import { jars } from './support/maven.mjs';
import { programOf, run } from './support/programs.mjs';

const TEMPLATE = new URL('./kafka/server.properties', import.meta.url);
/** 16 bytes in base64; a cluster of one needs no other than all the others have. */
const CLUSTER = 'ZnVucS10ZXN0cy1mdW5xLQ';

const { classpath, missing, fetch } = jars('kafka');
const settingsIn = (data) => join(data, 'server.properties');

export const kafka = {
  variable: 'KAFKA_BROKERS',
  /** Clients, controller. */
  ports: 2,
  stopSignal: 'SIGTERM',
  missing: () => missing(),
  fetch,
  url: ([port]) => `127.0.0.1:${port}`,
  /** `settings.advertised`: the port that clients are told, of a proxy before it. */
  prepare({ data, ports: [port, controllerPort], settings: { advertised = port } }) {
    const folder = join(data, 'log');
    const values = { port, controllerPort, folder };
    const text = readFileSync(TEMPLATE, 'utf8').replace(/^[^#].*/gm, (line) =>
      line.replace(/\$\{(\w+)\}/g, (_, name) => values[name]),
    );
    const told = `advertised.listeners=PLAINTEXT://127.0.0.1:${advertised}`;
    writeFileSync(settingsIn(data), text.replace(/^advertised\.listeners=.*$/m, told));
    if (existsSync(join(folder, 'meta.properties'))) return;
    const args = ['format', '--ignore-formatted', '-t', CLUSTER, '-c', settingsIn(data)];
    run(programOf('java'), ['-cp', classpath, 'kafka.tools.StorageTool', ...args]);
  },
  command: ({ data }) => ({
    file: programOf('java'),
    args: ['-Xmx512m', '-cp', classpath, 'kafka.Kafka', settingsIn(data)],
  }),
  ready: ([port]) => ask(port, METADATA, knowsItself),
};

/** Metadata, version 5, correlation 1, no client's name, no topics, none created. */
const METADATA = Buffer.from([0, 0, 0, 15, 0, 3, 0, 5, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0, 0]);

/** The list of brokers, after length, correlation and throttle, is empty until the server may lead partitions. */
function knowsItself(answer) {
  return answer.length >= 16 && answer.readInt32BE(12) > 0;
}
