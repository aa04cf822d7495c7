import { connect, createServer } from 'node:net';
import type { M2Error } from '@m2/core';
import type { SocketType } from '../src/commands.js';
import { type ConnectionOwner, ZmtpConnection } from '../src/connection.js';
import { defaultZmtpLimits, type ZmtpLimits } from '../src/limits.js';
import { RawPeer } from './raw-peer.js';
import { latin1, Signal } from './support.js';

/** Keeps what a connection tells its owner, in order. */
export class ConnectionLog extends Signal implements ConnectionOwner {
  /** `ready <identity>`, `message <frames joined by |>`, `+<prefix>`, `-<prefix>`, `ended <code>`. */
  readonly events: string[] = [];
  /** How many messages each call brought. */
  readonly batches: number[] = [];
  sent = 0;
  cause: M2Error | undefined;
  onReady: (connection: ZmtpConnection) => void = () => {};

  ready(connection: ZmtpConnection, identity: Buffer): void {
    this.add(`ready ${latin1(identity)}`);
    this.onReady(connection);
  }

  messages(_: ZmtpConnection, frames: Buffer[], sizes: number[] | undefined): void {
    let at = 0;
    const all = sizes ?? frames.map(() => 1);
    for (const size of all) {
      const message = frames.slice(at, at + size);
      at += size;
      this.add(`message ${message.map(latin1).join('|')}`);
    }
    this.batches.push(all.length);
  }

  subscription(_: ZmtpConnection, subscribe: boolean, prefix: Buffer): void {
    this.add(`${subscribe ? '+' : '-'}${latin1(prefix)}`);
  }

  written(_: ZmtpConnection, messages: number): void {
    this.sent += messages;
    this.changed();
  }

  ended(_: ZmtpConnection, cause: M2Error | undefined): void {
    this.cause = cause;
    this.add(`ended ${cause?.code ?? 'in order'}`);
  }

  hasEvents(count: number): Promise<void> {
    return this.until(
      `${count} events happened (${this.events.length} did: ${this.events.slice(-5).join(', ')})`,
      () => this.events.length >= count,
    );
  }

  private add(event: string): void {
    this.events.push(event);
    this.changed();
  }
}

/** A connection under test, what its owner heard, and the other end. */
export interface Scene {
  readonly connection: ZmtpConnection;
  readonly log: ConnectionLog;
  readonly peer: RawPeer;
}

/** Connects a {@link ZmtpConnection} of that type with a {@link RawPeer} over tcp. */
export async function scene(type: SocketType, limits: Partial<ZmtpLimits> = {}, identity = ''): Promise<Scene> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<RawPeer>((resolve) => server.once('connection', (socket) => resolve(new RawPeer(socket))));
  const socket = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  const log = new ConnectionLog();
  const connection = new ZmtpConnection(socket, type, { ...defaultZmtpLimits, ...limits }, log, Buffer.from(identity));
  const peer = await accepted;
  server.close();
  return { connection, log, peer };
}
