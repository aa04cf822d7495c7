import type { M2Error } from './errors.js';
import { MemoryMedium, MemoryPeer, type MemoryPipe, pairOf } from './memory-peer.js';
import type { Link, LinkCounters, LinkReceiver, LinkSpec, PeerTransport, Reply, Transport } from './transport.js';
import { joinReply } from './wire/outbound.js';

/**
 * Joins both sides within one process, without ZeroMQ: for tests, and as the smallest complete transport to read before
 * writing one. The rules that every transport keeps are numbered where they are kept. Addresses are `memory://name`; each
 * call is a medium of its own, so that two tests never meet.
 */
export function memoryTransport(): Transport & PeerTransport {
  const medium = new MemoryMedium();
  return {
    name: 'memory',
    capabilities: { protocols: ['memory'], detectsDown: true, losslessShutdown: true },
    // 1. Opening succeeds whether the server is there or not: a link finds by itself every server that comes later.
    async open(spec, receiver, signal) {
      signal?.throwIfAborted();
      return new MemoryLink(medium, spec, receiver);
    },
    bind: async (spec, receiver) => new MemoryPeer(medium, spec, receiver),
  };
}

/** The handler's side of one server: its PULL and PUB, which are one incarnation. */
class MemoryLink implements Link, MemoryPipe {
  readonly counters: LinkCounters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  readonly addresses: string;
  reading = true;
  private peer: MemoryPeer | undefined;
  private epoch = 0;
  private inbox: Uint8Array[] = [];
  private outbox: Uint8Array[] = [];
  private queued = 0;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly medium: MemoryMedium,
    private readonly spec: LinkSpec,
    private readonly receiver: LinkReceiver,
  ) {
    this.addresses = pairOf(spec.sendSpec.toString(), spec.recvSpec.toString());
    medium.pipes.add(this);
    medium.peers.get(this.addresses)?.join(this);
  }

  /** 2. Each coming of the server is a new epoch: one `up`, before any of its messages, when both directions work. */
  attach(peer: MemoryPeer): void {
    const epoch = ++this.epoch;
    this.peer = peer;
    this.inbox = [];
    this.medium.later(() => this.receiver.up(epoch, peer.subscription));
  }

  /** 3. Each going is one `down`. Replies not yet on their way are counted as lost, and never kept for the next epoch. */
  detach(cause: M2Error): void {
    const { epoch } = this;
    this.peer = undefined;
    this.counters.lost += this.emptied().length;
    this.medium.later(() => this.receiver.down(epoch, cause));
  }

  /** 4. Messages are handed over in batches, never from inside a call, with the epoch that they were sent in. */
  take(message: Uint8Array): void {
    if (this.inbox.push(message) > 1) return;
    const { inbox, peer, epoch } = this;
    this.medium.later(() => {
      if (this.inbox === inbox) this.inbox = [];
      for (const { length } of inbox) if (peer !== undefined) peer.queued -= length;
      this.counters.received += inbox.length;
      this.receiver.messages(inbox, epoch);
    });
  }

  send(reply: Reply): boolean {
    const size = reply.head.length + reply.data.length;
    // 5. A reply of another epoch goes nowhere: its connection ids mean other people now.
    if (this.peer === undefined || reply.epoch !== this.epoch) this.counters.stale++;
    // 6. The queue is bounded in bytes; one reply that is larger than the bound goes out alone.
    else if (this.queued > 0 && this.queued + size > this.spec.sendQueueBytes) this.counters.overflowed++;
    else {
      this.queued += size;
      if (this.outbox.push(joinReply(reply)) === 1) this.medium.later(() => this.flush());
      // 7. Half full says "wait", which leaves room for what cannot wait: closes and keep-alives.
      return this.queued <= this.spec.sendQueueBytes / 2;
    }
    return false;
  }

  drained(): Promise<void> {
    return this.queued <= this.spec.sendQueueBytes / 4 ? Promise.resolve() : new Promise(this.medium.later);
  }

  /** 8. Shutting stops requests, not replies; it resolves when all that had been dealt to this link was handed over. */
  shutdown(): Promise<void> {
    this.reading = false;
    return new Promise(this.medium.later);
  }

  /** 9. Closing sends what is queued first (here that needs no linger time). It may come at any time, and twice. */
  close(): Promise<void> {
    this.closing ??= this.shutdown().then(() => {
      this.medium.pipes.delete(this);
      this.peer = undefined;
    });
    return this.closing;
  }

  private flush(): void {
    const { peer } = this;
    const replies = this.emptied();
    this.counters.sent += replies.length;
    peer?.hear(replies);
  }

  private emptied(): Uint8Array[] {
    this.queued = 0;
    return this.outbox.splice(0);
  }
}
