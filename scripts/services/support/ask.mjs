import { connect } from 'node:net';

const DEADLINE = 2000;

/** Whether the server at `port` answers `question`, by bytes that `isAnswer` takes for one. */
export function ask(port, question, isAnswer) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let heard = Buffer.alloc(0);
    const settle = (outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(DEADLINE, () => settle(false));
    socket.once('connect', () => socket.write(question));
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      if (isAnswer(heard)) settle(true);
    });
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}
