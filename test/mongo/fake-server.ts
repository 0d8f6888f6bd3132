import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import mongoose from 'mongoose';
import { onTestFinished } from 'vitest';

type Document = Record<string, unknown>;

/** Answers one command; `undefined` leaves it without an answer. */
export type Answer = (command: string, request: Document) => Document | undefined;

/** A server that speaks just enough of MongoDB's protocol (OP_MSG and OP_QUERY) to say what a test wants to hear. */
export async function fakeServer(answer: Answer): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let bytes = Buffer.alloc(0);
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      while (bytes.length >= 4 && bytes.length >= bytes.readInt32LE(0)) {
        const message = bytes.subarray(0, bytes.readInt32LE(0));
        bytes = bytes.subarray(message.length);
        const reply = replyTo(message, answer);
        if (reply) socket.write(reply);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const { serialize, deserialize } = mongoose.mongo.BSON;
const OP_QUERY = 2004;

function replyTo(message: Buffer, answer: Answer): Buffer | undefined {
  const [id, code] = [message.readInt32LE(4), message.readInt32LE(12)];
  // A query has flags, a name and two numbers before its document; a message has flags and a kind.
  const start = code === OP_QUERY ? message.indexOf(0, 20) + 9 : 21;
  const request = deserialize(message.subarray(start, start + message.readInt32LE(start))) as Document;
  const said = answer(Object.keys(request)[0]!, request);
  if (!said) return undefined;
  const head = code === OP_QUERY ? [1, 8, 0, 0, 0, 1] : [2013, 0];
  const body = Buffer.concat([...(code === OP_QUERY ? [] : [Buffer.from([0])]), serialize(said)]);
  const header = Buffer.alloc(12 + head.length * 4);
  header.writeInt32LE(header.length + body.length, 0);
  header.writeInt32LE(id, 8);
  for (const [n, value] of head.entries()) header.writeInt32LE(value, 12 + n * 4);
  return Buffer.concat([header, body]);
}

/** What a sound server of the present says of itself. */
export const HELLO: Document = {
  ok: 1,
  helloOk: true,
  ismaster: true,
  isWritablePrimary: true,
  maxBsonObjectSize: 16 * 2 ** 20,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 21,
};

export const isHello = (command: string): boolean => /^(hello|ismaster)$/i.test(command);
