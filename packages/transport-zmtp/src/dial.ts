import { connect, type Socket } from 'node:net';
import { M2Error } from '@m2/core';
import type { NetAddress } from './addresses.js';
import type { SocketType } from './commands.js';
import { type ConnectionOwner, ZmtpConnection } from './connection.js';
import type { ZmtpLimits } from './limits.js';

/** Silence on a connection after which the kernel asks whether the peer is still there, in milliseconds. */
const TCP_KEEPALIVE_MS = 30_000;

/** What is dialled, and as what. */
export interface DialOptions {
  readonly address: NetAddress;
  readonly type: SocketType;
  readonly limits: ZmtpLimits;
  readonly identity?: Buffer;
}

/**
 * Makes one attempt at a connection. `failed` is called when it does not come about; from then on, or once `owner` heard
 * of it, the other is not. The returned function gives up or cuts it off without a word to either.
 */
export function dial(options: DialOptions, owner: ConnectionOwner, failed: (cause: M2Error) => void): () => void {
  let connection: ZmtpConnection | undefined;
  const socket: Socket = connect(options.address);
  const refuse = (error: Error) => {
    socket.destroy();
    failed(new M2Error('M2_LINK_DOWN', `No connection: ${error.message}.`, { cause: error }));
  };
  socket.once('error', refuse);
  socket.once('connect', () => {
    socket.off('error', refuse);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    connection = new ZmtpConnection(socket, options.type, options.limits, owner, options.identity);
  });
  return () => {
    if (connection !== undefined) return connection.destroy();
    socket.off('error', refuse);
    socket.on('error', () => {});
    socket.destroy();
  };
}
