import { type Logger, type M2Error, type PeerLink, type PeerReceiver, type PeerSpec, silentLogger } from '@m2/core';
import type { ZmtpLimits } from './limits.js';
import { ZmtpSocket } from './socket.js';

/**
 * Binds Mongrel2's side: a PUSH socket for requests and a SUB socket for replies.
 * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED`
 */
export async function bindPeer(spec: PeerSpec, receiver: PeerReceiver, limits: ZmtpLimits): Promise<PeerLink> {
  const logger = spec.logger ?? silentLogger;
  const trouble = (cause: M2Error) => logger.debug('A handler was cut off.', { error: cause });
  const push = new ZmtpSocket('PUSH', { messages: () => {}, trouble }, { limits });
  const sub = new ZmtpSocket('SUB', { messages: (batch) => deliver(batch, receiver, logger), trouble }, { limits });
  sub.subscribe(spec.recvIdent);
  try {
    return new ZmtpPeerLink(push, sub, await push.bind(spec.sendSpec), await sub.bind(spec.recvSpec));
  } catch (error) {
    await Promise.all([push.close(), sub.close()]);
    throw error;
  }
}

function deliver(batch: readonly Uint8Array[][], receiver: PeerReceiver, logger: Logger): void {
  try {
    // Whoever joins several replies as parts of one message means as many replies, and so does Mongrel2.
    receiver.replies(batch.flat());
  } catch (error) {
    logger.error('The receiver of a peer link threw; this is a bug.', { error });
  }
}

/** Mongrel2's side of a link over ZMTP. */
class ZmtpPeerLink implements PeerLink {
  private closed: Promise<void> | undefined;

  constructor(
    private readonly push: ZmtpSocket,
    private readonly sub: ZmtpSocket,
    readonly sendSpec: string,
    readonly recvSpec: string,
  ) {}

  send(message: Uint8Array): boolean {
    return this.push.send([message]);
  }

  close(): Promise<void> {
    this.closed ??= Promise.all([this.push.close(), this.sub.close()]).then(() => {});
    return this.closed;
  }
}
