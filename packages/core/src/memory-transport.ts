import { afterTick, latin1Bytes } from '#platform';
import { M2Error } from './errors.js';
import { SocketSpec } from './socket-spec.js';
import type {
  Link,
  LinkReceiver,
  LinkSpec,
  PeerLink,
  PeerReceiver,
  PeerSpec,
  PeerTransport,
  Reply,
  Transport,
} from './transport.js';
import { joinReply } from './wire/outbound.js';

/** What a server keeps for handlers that are not there or have not read it yet, in bytes; past it `send` refuses. */
const SERVER_QUEUE_BYTES = 64 * 1024 * 1024;

/** What both sides share: who is bound and who is connected, by `sendSpec recvSpec`. */
interface Medium {
  readonly servers: Map<string, MemoryServer>;
  readonly links: Set<MemoryLink>;
  readonly later: (call: () => void) => void;
}

/**
 * Joins both sides within one process, without ZeroMQ: for tests, and as the smallest complete transport to read before
 * writing one; the rules that every transport keeps are numbered where they are kept. Each call is a medium of its own,
 * so that two tests never meet. Addresses are `memory://name`.
 */
export function memoryTransport(): Transport & PeerTransport {
  const medium: Medium = { servers: new Map(), links: new Set(), later: inTurns() };
  return {
    name: 'memory',
    capabilities: { protocols: ['memory'], detectsDown: true, losslessShutdown: true },
    async open(spec, receiver, signal) {
      signal?.throwIfAborted();
      return new MemoryLink(medium, spec, receiver);
    },
    bind: async (spec, receiver) => new MemoryServer(medium, spec, receiver),
  };
}

/** 1. Nothing is called from inside a call: each side hears of the other after the tick, in order. */
function inTurns(): (call: () => void) => void {
  const due: (() => void)[] = [];
  return (call) => {
    if (due.push(call) === 1) afterTick(() => due.splice(0).forEach((one) => void one()));
  };
}

function addressOf(text: string): string {
  const { address, protocol } = SocketSpec.parse(text);
  if (protocol === 'memory') return address;
  throw new M2Error('M2_SPEC_INVALID', `The memory transport takes addresses like memory://name, not ${text}.`, {
    details: { text },
  });
}

/** Mongrel2's side: a PUSH that deals to its links in turn, and a SUB with one subscription. */
class MemoryServer implements PeerLink {
  readonly sendSpec: string;
  readonly recvSpec: string;
  readonly subscription: Uint8Array;
  /** Bytes sent and not yet handed over. */
  queued = 0;
  private readonly waiting: Uint8Array[] = [];
  private turn = 0;

  constructor(
    private readonly medium: Medium,
    spec: PeerSpec,
    readonly receiver: PeerReceiver,
  ) {
    this.sendSpec = addressOf(spec.sendSpec);
    this.recvSpec = addressOf(spec.recvSpec);
    this.subscription = latin1Bytes(spec.recvIdent);
    if (medium.servers.has(this.pair)) throw new M2Error('M2_SOCKET_FAILED', `${this.pair} is in use: take another name.`);
    medium.servers.set(this.pair, this);
    for (const link of this.links()) this.join(link);
  }

  send(message: Uint8Array): boolean {
    if (!this.open || this.queued + message.length > SERVER_QUEUE_BYTES) return false;
    this.queued += message.length;
    // 2. Each message goes to one handler, in turn; while there is none it waits, within bounds.
    const links = this.links().filter((link) => link.reading);
    const link = links[this.turn++ % links.length];
    if (link === undefined) this.waiting.push(message);
    else link.take(message);
    return true;
  }

  join(link: MemoryLink): void {
    link.attach(this);
    for (const message of this.waiting.splice(0)) link.take(message);
  }

  async close(): Promise<void> {
    if (!this.open) return;
    this.medium.servers.delete(this.pair);
    for (const link of this.links()) link.detach(new M2Error('M2_LINK_DOWN', `The server at ${this.sendSpec} went away.`));
  }

  private get pair(): string {
    return `${this.sendSpec} ${this.recvSpec}`;
  }

  private get open(): boolean {
    return this.medium.servers.get(this.pair) === this;
  }

  private links(): MemoryLink[] {
    return [...this.medium.links].filter((link) => link.pair === this.pair);
  }
}

/** The handler's side: PULL and PUB, as one incarnation. */
class MemoryLink implements Link {
  readonly counters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  readonly pair: string;
  reading = true;
  private server: MemoryServer | undefined;
  private epoch = 0;
  private inbox: Uint8Array[] = [];
  private outbox: Uint8Array[] = [];
  private queued = 0;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly medium: Medium,
    private readonly spec: LinkSpec,
    private readonly receiver: LinkReceiver,
  ) {
    this.pair = `${addressOf(spec.sendSpec.toString())} ${addressOf(spec.recvSpec.toString())}`;
    medium.links.add(this);
    medium.servers.get(this.pair)?.join(this);
  }

  /** 3. Opening does not wait for a server. Each coming of one is a new epoch: `up`, once both directions work. */
  attach(server: MemoryServer): void {
    const epoch = ++this.epoch;
    this.server = server;
    this.inbox = [];
    this.medium.later(() => this.receiver.up(epoch, server.subscription));
  }

  /** 4. Each going is one `down`. Replies that are not on their way are lost: never kept for the next epoch. */
  detach(cause: M2Error): void {
    const { epoch } = this;
    this.server = undefined;
    this.counters.lost += this.outbox.splice(0).length;
    this.queued = 0;
    this.medium.later(() => this.receiver.down(epoch, cause));
  }

  /** 5. Messages come in batches, with the epoch that they were sent in. */
  take(message: Uint8Array): void {
    if (this.inbox.push(message) > 1) return;
    const { inbox, server, epoch } = this;
    this.medium.later(() => {
      if (this.inbox === inbox) this.inbox = [];
      for (const { length } of inbox) if (server !== undefined) server.queued -= length;
      this.counters.received += inbox.length;
      this.receiver.messages(inbox, epoch);
    });
  }

  send(reply: Reply): boolean {
    const size = reply.head.length + reply.data.length;
    // 6. A reply of another epoch goes nowhere: its connection ids mean other people now.
    if (this.server === undefined || reply.epoch !== this.epoch) this.counters.stale++;
    // 7. The queue is bounded in bytes; one reply that is larger than the bound goes out alone.
    else if (this.queued > 0 && this.queued + size > this.spec.sendQueueBytes) this.counters.overflowed++;
    else {
      this.queued += size;
      if (this.outbox.push(joinReply(reply)) === 1) this.medium.later(() => this.flush());
      // 8. Half full says "wait", which leaves room for what cannot: closes and keep-alives.
      return this.queued <= this.spec.sendQueueBytes / 2;
    }
    return false;
  }

  async drained(): Promise<void> {
    if (this.queued > this.spec.sendQueueBytes / 4) await this.nextTurn();
  }

  /** 9. Shutting stops requests, not replies; it resolves when all that had been dealt to this link was handed over. */
  shutdown(): Promise<void> {
    this.reading = false;
    return this.nextTurn();
  }

  /** 10. Closing sends what is queued first, and may come twice. */
  close(): Promise<void> {
    this.closing ??= this.shutdown().then(() => {
      this.medium.links.delete(this);
      this.server = undefined;
    });
    return this.closing;
  }

  private flush(): void {
    const { server } = this;
    const replies = this.outbox.splice(0);
    this.queued = 0;
    this.counters.sent += replies.length;
    // SUB's filter: what does not begin with the subscription vanishes without a word.
    const heard = replies.filter((reply) => server?.subscription.every((byte, at) => reply[at] === byte));
    if (heard.length > 0) server?.receiver.replies(heard);
  }

  private nextTurn(): Promise<void> {
    return new Promise((resolve) => this.medium.later(resolve));
  }
}
