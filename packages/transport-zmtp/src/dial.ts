import { connect } from 'node:net';
import { M2Error } from '@m2/core';
import type { NetAddress } from './addresses.js';
import type { SocketType } from './commands.js';
import { type ConnectionOwner, ZmtpConnection } from './connection.js';
import type { ZmtpLimits } from './limits.js';

/** What is dialled, and as what. */
export interface DialOptions {
  readonly address: NetAddress;
  readonly type: SocketType;
  readonly limits: ZmtpLimits;
  readonly identity?: Buffer;
}

/** One attempt at a connection, and what came of it. */
export interface Dialled {
  /** There once the peer has answered; not yet ready then. */
  readonly connection: ZmtpConnection | undefined;
  /** Gives up, or cuts the connection off, without a word to anyone. Idempotent. */
  cut(): void;
}

/** Makes one attempt. Either `failed` is called, once, or `owner` hears how it goes on. */
export function dial(options: DialOptions, owner: ConnectionOwner, failed: (cause: M2Error) => void): Dialled {
  const { address, type, limits, identity } = options;
  const socket = connect({ ...address, allowHalfOpen: true });
  const giveUp = (why: string, cause?: Error) => {
    clearTimeout(timer);
    socket.off('error', refuse);
    socket.on('error', () => {});
    socket.destroy();
    failed(new M2Error('M2_LINK_DOWN', `No connection: ${why}.`, { cause }));
  };
  const refuse = (error: Error) => giveUp(reason(error), error);
  const timer = setTimeout(() => giveUp(`no answer within ${limits.handshakeMs} ms`), limits.handshakeMs);
  timer.unref();
  let connection: ZmtpConnection | undefined;
  socket.once('error', refuse);
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.off('error', refuse);
    connection = new ZmtpConnection(socket, type, limits, owner, identity);
  });
  return {
    get connection() {
      return connection;
    },
    cut() {
      if (connection !== undefined) return connection.destroy();
      clearTimeout(timer);
      socket.off('error', refuse);
      socket.on('error', () => {});
      socket.destroy();
    },
  };
}

/** A name with several addresses fails with one error for each, and none of its own. */
function reason(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join('; ');
}
