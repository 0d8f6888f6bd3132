import type { Socket } from 'node:net';
import { connect, type Channel, type ChannelModel } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import { withDeadline } from '../../contracts/deadline.js';
import { away, driverError } from '../support/driver-error.js';
import { connectError } from './error.js';
import { gatherWrites } from './gather-writes.js';
import type { RabbitServer } from './server.js';

/** Longest, in milliseconds, that closing or one answer may take. */
const DEADLINE = 5000;
/** So many times as long it may take while at least so many bytes come and go meanwhile: it stands behind them on a slow line. */
const PATIENCE = 6;
const TRAFFIC = 65_536;
/** And opening: less than an app waits for it, which is to hear why. */
const CONNECT = 4000;

/**
 * One connection, opened when it is first needed and again when it has ended. The client's own recovery is not used: what was
 * silent for too long is destroyed, whatever the client thinks of it.
 */
export class RabbitConnection {
  #opening: Promise<ChannelModel> | undefined;
  #closed = false;
  #stream: Socket | undefined;
  #leave: (() => void) | undefined;
  /** Why the server takes no messages at present. */
  blocked: string | undefined;

  constructor(
    private readonly server: RabbitServer,
    readonly clock: Clock,
  ) {}

  get address(): string {
    return this.server.address;
  }

  async use(): Promise<ChannelModel> {
    if (this.#closed) throw driverError('FUNQ_RABBITMQ_CLOSED', `rabbitmq at ${this.address} is closed here`);
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** What `work` does on a channel of its own: an error of it ends no other channel. */
  async apart<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const model = await this.use();
    const channel = await this.answer(model.createChannel());
    channel.on('error', () => undefined);
    try {
      return await this.answer(work(channel));
    } finally {
      void channel.close().catch(() => undefined);
    }
  }

  /** How many bytes came and went over the connection that there is. */
  get traffic(): number {
    const { bytesRead = 0, bytesWritten = 0 } = this.#stream ?? {};
    return bytesRead + bytesWritten;
  }

  /** Whether it is busy since `before`, an earlier {@link traffic}. */
  busySince(before: number): boolean {
    return this.traffic - before >= TRAFFIC;
  }

  /** The server's answer; when none comes in time, and not much else either, the connection is destroyed. */
  async answer<T>(asking: Promise<T>, ms = DEADLINE): Promise<T> {
    const model = this.#opening;
    // Made only when it is late: an error costs more than most answers do.
    let late: Error | undefined;
    const over = (): Error => (late = new Error(`no answer within ${ms} ms`));
    for (let [tries, before] = [PATIENCE, this.traffic]; ; tries--, before = this.traffic) {
      try {
        return await withDeadline(this.clock, ms, asking, over);
      } catch (error) {
        if (!late || error !== late) throw error;
        if (tries > 1 && this.busySince(before)) continue;
        if (!this.server.given) model?.then(destroy, () => undefined);
        throw away('rabbitmq', this.address, late);
      }
    }
  }

  /** Throws when the connection ended in the turn in which it, or what it was asked for, was opened: nobody was told of that. */
  checkAlive(model: ChannelModel): void {
    if (streamOf(model).writableEnded) throw away('rabbitmq', this.address, new Error('it closed the connection'));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const model = await this.#opening?.catch(() => undefined);
    if (this.server.given) this.#leave?.();
    if (!model || this.server.given) return;
    await withDeadline(this.clock, DEADLINE, model.close(), () => new Error('late')).catch(() => undefined);
    destroy(model);
  }

  async #open(): Promise<ChannelModel> {
    const model = this.server.given ?? (await this.#dial());
    const ended = (): void => {
      this.#opening = undefined;
      this.blocked = undefined;
      // A peer that is gone never answers the end of the stream, which would keep the socket, and the process, open.
      if (!this.server.given) destroy(model);
    };
    this.#stream = streamOf(model);
    const listeners = {
      close: ended,
      error: () => undefined,
      blocked: (reason: string) => (this.blocked = reason),
      unblocked: () => (this.blocked = undefined),
    };
    for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
    this.#leave = () => {
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    };
    return model;
  }

  async #dial(): Promise<ChannelModel> {
    const { url, socket } = this.server.current;
    const model = await connect(url, { noDelay: true, timeout: CONNECT, ...socket }).catch((error: Error) => {
      const reason = connectError(this.address, error);
      this.server.turn();
      throw reason;
    });
    try {
      this.checkAlive(model);
      this.server.check(model);
      gatherWrites(streamOf(model));
      return model;
    } catch (error) {
      destroy(model);
      throw error;
    }
  }
}

/** Ends a connection without asking the other side. */
function destroy(model: ChannelModel): void {
  // The client only learns of an end that has a reason.
  streamOf(model).destroy(new Error('given up'));
}

function streamOf(model: ChannelModel): Socket {
  return (model.connection as unknown as { stream: Socket }).stream;
}
