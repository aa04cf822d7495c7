import type { ReconnectOptions } from './back-off.js';
import type { ZmtpLimits } from './limits.js';
import type { BacklogLimits } from './send-backlog.js';

/** Options of a `ZmtpSocket`. */
export interface SocketOptions {
  readonly limits?: Partial<ZmtpLimits>;
  readonly reconnect?: Partial<ReconnectOptions>;
  /** How peers address this socket behind a ROUTER: 1 to 255 bytes, the first not 0. Default: none; the ROUTER makes one up. */
  readonly identity?: Uint8Array;
  /** Bytes that may wait in the send queue of one peer before it takes no more. Default 16 MiB. */
  readonly peerBytes?: number;
  /** What waits while no peer can take it. Default 1,000 messages, 64 MiB. */
  readonly backlog?: Partial<BacklogLimits>;
  /** Peers that may be connected at once; more are refused. Default 10,000. */
  readonly maxPeers?: number;
  /** Connections that may be in their handshake at once; more are refused. Default 1,000. */
  readonly maxOpening?: number;
}
