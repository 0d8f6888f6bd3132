import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { gatherWrites } from '../../lib/brokers/rabbitmq/gather-writes.js';

/** A stream that notes what each of its writes brings. */
function written(): { stream: Writable; writes: string[] } {
  const writes: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => (writes.push(chunk.toString()), done()),
    writev: (chunks, done) => (writes.push(chunks.map(({ chunk }) => String(chunk)).join('')), done()),
  });
  return { stream, writes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('writes at once what comes in one turn, in order', async () => {
  const { stream, writes } = written();
  gatherWrites(stream);
  for (const text of ['a', 'b', 'c']) stream.write(text);
  expect(writes).toEqual([]);
  await turn();
  stream.write('d');
  await turn();
  expect(writes).toEqual(['abc', 'd']);
});

it('tells when the stream is full, and when it takes more', async () => {
  const { stream, writes } = written();
  gatherWrites(stream);
  const full = stream.write('x'.repeat(stream.writableHighWaterMark));
  const drained = new Promise((resolve) => stream.once('drain', resolve));
  expect(full).toBe(false);
  await drained;
  expect(writes).toHaveLength(1);
});

it('loses nothing that is written just before the end', async () => {
  const { stream, writes } = written();
  gatherWrites(stream);
  const finished = new Promise((resolve) => stream.once('finish', resolve));
  stream.write('a');
  stream.end('b');
  await finished;
  expect(writes.join('')).toBe('ab');
});
