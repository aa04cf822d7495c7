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
import { checkAddress, PROTOCOLS, socketError } from './addresses.js';
import { ZeromqLink } from './link.js';
import { bindPeer } from './peer-link.js';
import { loadZeromq, type ZeromqModule } from './zeromq-api.js';

/** Options of {@link zeromqTransport}. */
export interface ZeromqTransportOptions {
  /** The module to make sockets with. Default: the `zeromq` package, imported when the first link is opened. */
  readonly zeromq?: ZeromqModule;
  /**
   * Send the replies of one tick as the parts of one message: one library call for all of them. Mongrel2 reads each part
   * as a reply of its own; turn it off for other servers that read only a message's first part. Default `true`.
   */
  readonly joinReplies?: boolean;
}

const capabilities: TransportCapabilities = Object.freeze({
  protocols: PROTOCOLS,
  detectsDown: true,
  // Closing a PULL socket loses what is between its TCP buffer and its queue; libzmq has no half-close.
  losslessShutdown: false,
});

/**
 * Links over the zeromq v6 API, and Mongrel2's side of them. Sockets belong to the main thread: a native socket with an
 * operation pending aborts the process when its worker thread ends.
 */
export function zeromqTransport(options: ZeromqTransportOptions = {}): Transport & PeerTransport {
  const { joinReplies = true } = options;
  const load = async () => options.zeromq ?? loadZeromq();
  return {
    name: 'zeromq',
    capabilities,
    async open(spec: LinkSpec, receiver: LinkReceiver, signal?: AbortSignal): Promise<Link> {
      signal?.throwIfAborted();
      checkAddress('send_spec', spec.sendSpec);
      checkAddress('recv_spec', spec.recvSpec);
      const zeromq = await load();
      signal?.throwIfAborted();
      try {
        return new ZeromqLink(zeromq, spec, receiver, joinReplies);
      } catch (error) {
        throw socketError('Connecting to recv_spec', spec.recvSpec.address, error);
      }
    },
    async bind(spec: PeerSpec, receiver: PeerReceiver): Promise<PeerLink> {
      return bindPeer(await load(), spec, receiver);
    },
  };
}
