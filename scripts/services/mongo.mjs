import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './support/ask.mjs';
import { jars } from './support/maven.mjs';
import { programOf } from './support/programs.mjs';

const SOURCE = fileURLToPath(new URL('./mongo/Mongo.java', import.meta.url));
const { classpath, missing, fetch } = jars('mongo');
const real = () => programOf('mongod');

export const mongo = {
  variable: 'MONGODB_URL',
  ports: 1,
  stopSignal: 'SIGTERM',
  /** What runs where there is no mongod. It speaks the protocol and loses the last second when it is killed. */
  standIn: () => (real() ? undefined : 'mongo-java-server'),
  missing: () => (real() ? [] : missing({ compiler: true })),
  fetch: (say) => void (real() || fetch(say)),
  url: ([port]) => `mongodb://127.0.0.1:${port}/funq`,
  command: ({ data, ports: [port] }) =>
    real()
      ? { file: real(), args: ['--bind_ip', '127.0.0.1', '--port', `${port}`, '--dbpath', data] }
      : { file: programOf('java'), args: ['-Xmx512m', '-cp', classpath, SOURCE, `${port}`, join(data, 'mongo.mv')] },
  ready: ([port]) => ask(port, PING, (answer) => answer.includes('ok') && !answer.includes('errmsg')),
};

const BODY = Buffer.from('\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0', 'latin1');
/** OP_MSG { ping: 1, $db: 'admin' } */
const PING = Buffer.concat([
  int32s(16 + 4 + 1 + 4 + BODY.length, 1, 0, 2013, 0),
  Buffer.from([0]),
  int32s(4 + BODY.length),
  BODY,
]);

function int32s(...values) {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, n) => bytes.writeInt32LE(value, n * 4));
  return bytes;
}
