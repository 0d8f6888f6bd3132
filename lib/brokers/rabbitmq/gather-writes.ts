import type { Writable } from 'node:stream';

/**
 * What is written to `stream` in one turn goes to the socket in one write. For clients that write each message by itself, which
 * costs both sides more than the message does.
 */
export function gatherWrites(stream: Writable): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    return write(...args);
  };
}
