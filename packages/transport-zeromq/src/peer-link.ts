import { type Logger, M2Error, type PeerLink, type PeerReceiver, type PeerSpec, silentLogger } from '@m2/core';
import { socketError } from './addresses.js';
import { ConnectionMonitor, closeSocket } from './connection-monitor.js';
import { ReceiveLoop } from './receive-loop.js';
import type { ZeromqModule, ZeromqSocket, ZeromqSubscriber, ZeromqWritable } from './zeromq-api.js';

/** Messages that wait beyond libzmq's own pipes (1,000 per connected handler), and how many bytes they may have. */
const QUEUE_MESSAGES = 1000;
const QUEUE_BYTES = 64 * 1024 * 1024;

/**
 * Binds Mongrel2's side: a PUSH socket for requests and a SUB socket for replies, both with linger 0.
 * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED` when an address cannot be bound.
 */
export async function bindPeer(zeromq: ZeromqModule, spec: PeerSpec, receiver: PeerReceiver): Promise<PeerLink> {
  const push = await bound(() => new zeromq.Push(bindOptions(spec.sendSpec)), 'send_spec', spec.sendSpec);
  try {
    const sub = await bound(() => new zeromq.Subscriber(bindOptions(spec.recvSpec)), 'recv_spec', spec.recvSpec);
    sub.socket.subscribe(spec.recvIdent);
    return new ZeromqPeerLink(push, sub, spec, receiver);
  } catch (error) {
    await closeSocket(push.socket, push.monitor, 0);
    throw error;
  }
}

const bindOptions = (address: string) => ({ linger: 0, ...(address.includes('[') ? { ipv6: true } : {}) });

/** A socket that was bound, with its monitor. */
interface BoundSocket<S extends ZeromqSocket> {
  readonly socket: S;
  readonly monitor: ConnectionMonitor;
  readonly address: string;
}

async function bound<S extends ZeromqSocket>(make: () => S, name: string, address: string): Promise<BoundSocket<S>> {
  let socket: S;
  try {
    socket = make();
  } catch (error) {
    throw socketError(`Making the socket for ${name}`, address, error);
  }
  // Only for its `closed`: how single connections come and go is nothing to a socket that is bound.
  const monitor = new ConnectionMonitor(
    socket,
    () => {},
    () => {},
  );
  monitor.mute();
  try {
    await socket.bind(address);
  } catch (error) {
    await closeSocket(socket, monitor, 0);
    throw socketError(`Binding ${name}`, address, error);
  }
  return { socket, monitor, address: socket.lastEndpoint ?? address };
}

/** Mongrel2's side of a link over zeromq. */
class ZeromqPeerLink implements PeerLink {
  readonly sendSpec: string;
  readonly recvSpec: string;
  private readonly logger: Logger;
  private waiting: Uint8Array[] = [];
  private at = 0;
  private bytes = 0;
  private busy = false;
  private closed: Promise<void> | undefined;
  private readonly loop: ReceiveLoop;

  constructor(
    private readonly push: BoundSocket<ZeromqWritable>,
    private readonly sub: BoundSocket<ZeromqSubscriber>,
    spec: PeerSpec,
    receiver: PeerReceiver,
  ) {
    this.sendSpec = push.address;
    this.recvSpec = sub.address;
    this.logger = spec.logger ?? silentLogger;
    this.loop = new ReceiveLoop(
      sub.socket,
      (batch) => this.deliver(receiver, batch),
      (error) => this.failed(error),
    );
    // A SUB that nobody reads from never sends its subscription: the loop starts before anybody is connected.
    this.loop.start();
  }

  send(message: Uint8Array): boolean {
    if (this.closed !== undefined || this.waiting.length - this.at >= QUEUE_MESSAGES) return false;
    if (this.bytes > 0 && this.bytes + message.length > QUEUE_BYTES) return false;
    this.waiting.push(message);
    this.bytes += message.length;
    this.next();
    return true;
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private next(): void {
    if (this.busy || this.closed !== undefined) return;
    const message = this.waiting[this.at];
    if (message === undefined) {
      this.waiting = [];
      this.at = 0;
      return;
    }
    this.busy = true;
    let sent: Promise<void>;
    try {
      sent = this.push.socket.send(message);
    } catch (error) {
      this.failed(error);
      return;
    }
    sent.then(this.sent, this.failed);
  }

  private readonly sent = (): void => {
    this.bytes -= this.waiting[this.at]?.length ?? 0;
    this.at++;
    if (this.at >= QUEUE_MESSAGES) {
      this.waiting = this.waiting.slice(this.at);
      this.at = 0;
    }
    this.busy = false;
    this.next();
  };

  private deliver(receiver: PeerReceiver, batch: readonly Uint8Array[]): void {
    try {
      receiver.replies(batch);
    } catch (error) {
      this.logger.error('The receiver of a peer link threw; this is a bug.', { error });
    }
  }

  private readonly failed = (error: unknown): void => {
    // A pending operation rejects when its socket is closed; that is how it ends, not a failure.
    if (this.closed !== undefined) return;
    this.logger.error('A bound socket failed; the peer link is closed.', {
      error: new M2Error('M2_SOCKET_FAILED', `The sockets bound at ${this.sendSpec} and ${this.recvSpec} failed.`, {
        cause: error,
      }),
    });
    void this.close();
  };

  private async end(): Promise<void> {
    await Promise.all([closeSocket(this.push.socket, this.push.monitor, 0), closeSocket(this.sub.socket, this.sub.monitor, 0)]);
    this.waiting = [];
  }
}
