import { afterTick, latin1Bytes } from '#platform';
import { M2Error } from './errors.js';
import { SocketSpec } from './socket-spec.js';
import type { PeerLink, PeerReceiver, PeerSpec } from './transport.js';

/** What a peer keeps for handlers that are not there or have not read it yet, in bytes; past it `send` refuses. */
const QUEUE_BYTES = 64 * 1024 * 1024;

/** A link, as the peer sees it. */
export interface MemoryPipe {
  readonly addresses: string;
  /** False once it takes no more requests. */
  readonly reading: boolean;
  attach(peer: MemoryPeer): void;
  take(message: Uint8Array): void;
  detach(cause: M2Error): void;
}

/** What one memory transport joins, by {@link pairOf} addresses. */
export class MemoryMedium {
  readonly peers = new Map<string, MemoryPeer>();
  readonly pipes = new Set<MemoryPipe>();
  private readonly due: (() => void)[] = [];

  /** Calls back after the tick, in order: neither side is ever called from inside its own call. */
  readonly later = (call: () => void): void => {
    if (this.due.push(call) > 1) return;
    afterTick(() => {
      for (const one of this.due.splice(0)) one();
    });
  };
}

/** The two addresses of one server as one key. */
export function pairOf(...specs: [send: string, recv: string]): string {
  const addresses = specs.map((text) => {
    const { address, protocol } = SocketSpec.parse(text);
    if (protocol === 'memory') return address;
    throw new M2Error('M2_SPEC_INVALID', `The memory transport takes addresses like memory://name, not ${text}.`);
  });
  return addresses.join(' and ');
}

/** Mongrel2's side: a PUSH that deals to its links in turn, and a SUB with one subscription. */
export class MemoryPeer implements PeerLink {
  readonly sendSpec: string;
  readonly recvSpec: string;
  readonly subscription: Uint8Array;
  /** Bytes sent and not yet handed over. */
  queued = 0;
  private readonly addresses: string;
  private readonly waiting: Uint8Array[] = [];
  private turn = 0;

  constructor(
    private readonly medium: MemoryMedium,
    spec: PeerSpec,
    private readonly receiver: PeerReceiver,
  ) {
    this.sendSpec = spec.sendSpec;
    this.recvSpec = spec.recvSpec;
    this.subscription = latin1Bytes(spec.recvIdent);
    this.addresses = pairOf(spec.sendSpec, spec.recvSpec);
    if (medium.peers.has(this.addresses)) {
      throw new M2Error('M2_SOCKET_FAILED', `${this.addresses} are in use: close the peer that has them, or take others.`);
    }
    medium.peers.set(this.addresses, this);
    for (const pipe of this.pipes()) this.join(pipe);
  }

  join(pipe: MemoryPipe): void {
    pipe.attach(this);
    for (const message of this.waiting.splice(0)) pipe.take(message);
  }

  send(message: Uint8Array): boolean {
    if (!this.bound || this.queued + message.length > QUEUE_BYTES) return false;
    this.queued += message.length;
    // PUSH: each message to one handler, in turn; while there is none it waits.
    const reading = this.pipes().filter((pipe) => pipe.reading);
    const next = reading[this.turn++ % reading.length];
    if (next === undefined) this.waiting.push(message);
    else next.take(message);
    return true;
  }

  /** SUB: what does not begin with the subscription vanishes without a word. */
  hear(replies: readonly Uint8Array[]): void {
    const heard = replies.filter((reply) => this.subscription.every((byte, at) => reply[at] === byte));
    if (heard.length > 0) this.receiver.replies(heard);
  }

  async close(): Promise<void> {
    if (!this.bound) return;
    this.medium.peers.delete(this.addresses);
    for (const pipe of this.pipes()) pipe.detach(new M2Error('M2_LINK_DOWN', `The server at ${this.sendSpec} went away.`));
  }

  private get bound(): boolean {
    return this.medium.peers.get(this.addresses) === this;
  }

  private pipes(): MemoryPipe[] {
    return [...this.medium.pipes].filter((pipe) => pipe.addresses === this.addresses);
  }
}
