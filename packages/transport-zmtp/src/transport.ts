import type {
  Link,
  LinkReceiver,
  LinkSpec,
  PeerLink,
  PeerReceiver,
  PeerSpec,
  PeerTransport,
  Transport,
  TransportCapabilities,
} from '@m2/core';
import { checkSpec, PROTOCOLS } from './addresses.js';
import { defaultReconnect, type ReconnectOptions } from './back-off.js';
import { defaultZmtpLimits, type ZmtpLimits } from './limits.js';
import { ZmtpLink } from './link.js';
import { bindPeer } from './peer-link.js';

/** Options of {@link zmtpTransport}. */
export interface ZmtpTransportOptions {
  /** What a connection allows its peer. */
  readonly limits?: Partial<ZmtpLimits>;
  /** How long a link waits before it connects again. */
  readonly reconnect?: Partial<ReconnectOptions>;
}

const capabilities: TransportCapabilities = Object.freeze({ protocols: PROTOCOLS, detectsDown: true, losslessShutdown: true });

/** Links over ZMTP 3.1 on `node:net`, and Mongrel2's side of them: tcp and ipc, NULL mechanism. No native code. */
export function zmtpTransport(options: ZmtpTransportOptions = {}): Transport & PeerTransport {
  const limits: ZmtpLimits = { ...defaultZmtpLimits, ...options.limits };
  const reconnect: ReconnectOptions = { ...defaultReconnect, ...options.reconnect };
  return {
    name: 'zmtp',
    capabilities,
    async open(spec: LinkSpec, receiver: LinkReceiver, signal?: AbortSignal): Promise<Link> {
      // Callers may abort in the tick in which they call.
      await undefined;
      signal?.throwIfAborted();
      const requests = checkSpec('send_spec', spec.sendSpec);
      const replies = checkSpec('recv_spec', spec.recvSpec);
      return new ZmtpLink({ requests, replies, limits, reconnect }, spec, receiver);
    },
    bind(spec: PeerSpec, receiver: PeerReceiver): Promise<PeerLink> {
      return bindPeer(spec, receiver, limits);
    },
  };
}
