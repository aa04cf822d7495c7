import { createServer, type Server, type Socket } from 'node:net';
import { M2Error } from '@m2/core';
import { parseAddress } from './addresses.js';
import { BackOff } from './back-off.js';
import type { SocketType } from './commands.js';
import { type ConnectionOwner, ZmtpConnection } from './connection.js';
import { dial } from './dial.js';
import { encodeCommand, frameHead } from './frame-encoder.js';
import { defaultZmtpLimits, type ZmtpLimits } from './limits.js';
import { isSubscribed, type Peer, type SocketEvents } from './peer.js';
import { type BacklogLimits, SendBacklog } from './send-backlog.js';

/** Options of a {@link ZmtpSocket}. */
export interface SocketOptions {
  readonly limits?: Partial<ZmtpLimits>;
  /** How peers address this socket behind a ROUTER. Default: none; the ROUTER makes one up. */
  readonly identity?: Uint8Array;
  /** Bytes that may wait in the send queue of one peer before it takes no more. Default 16 MiB. */
  readonly peerBytes?: number;
  /** What waits while no peer can take it. Default 1,000 messages, 64 MiB. */
  readonly backlog?: Partial<BacklogLimits>;
  /** Connections that may be open at once; more are refused. Default 10,000. */
  readonly maxPeers?: number;
}

/**
 * A ZeroMQ socket with any number of peers, bound and connected, that reconnects by itself: the general form, for the
 * server's side, devices and the control port (RFC 28, 29, 30). Messages go to one peer in turn (PUSH, DEALER, REQ), to
 * the one that is addressed (ROUTER), or to all that subscribed (PUB, XPUB).
 */
export class ZmtpSocket {
  private readonly limits: ZmtpLimits;
  private readonly identity: Buffer;
  private readonly peerBytes: number;
  private readonly maxPeers: number;
  private readonly backlog: SendBacklog;
  private readonly servers: Server[] = [];
  private readonly dialled = new Set<() => void>();
  private readonly opening = new Set<ZmtpConnection>();
  private readonly peers = new Map<ZmtpConnection, Peer>();
  private readonly byIdentity = new Map<string, Peer>();
  private order: Peer[] = [];
  private turn = 0;
  private made = 0;
  private refused = false;
  private readonly subscriptions = new Set<string>();
  private closing: Promise<void> | undefined;

  constructor(
    readonly type: SocketType,
    private readonly events: SocketEvents,
    options: SocketOptions = {},
  ) {
    this.limits = { ...defaultZmtpLimits, ...options.limits };
    this.identity = Buffer.from(options.identity ?? []);
    this.peerBytes = options.peerBytes ?? 16 * 1024 * 1024;
    this.maxPeers = options.maxPeers ?? 10_000;
    this.backlog = new SendBacklog({ messages: 1000, bytes: 64 * 1024 * 1024, ...options.backlog });
  }

  /** Peers whose handshake is done. */
  get peerCount(): number {
    return this.peers.size;
  }

  /**
   * Listens. Resolves to the address with the port that it really has.
   * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED`
   */
  async bind(address: string): Promise<string> {
    const net = parseAddress(address, true);
    const server = createServer((socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new M2Error('M2_SOCKET_FAILED', `Binding '${address}' failed: ${error.message}. Is another process using it?`, { cause: error, details: { address, code: error.code } })),
      );
      server.listen(net, resolve);
    });
    this.servers.push(server);
    const bound = server.address();
    if (bound === null || typeof bound === 'string') return address;
    return `tcp://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
  }

  /**
   * Connects, now and again after every end, with back-off.
   * @throws M2Error `M2_SPEC_INVALID`
   */
  connect(address: string): void {
    const net = parseAddress(address, false);
    const backOff = new BackOff();
    let cut: () => void = () => {};
    const again = () => {
      const timer = setTimeout(attempt, backOff.next());
      cut = () => clearTimeout(timer);
    };
    const attempt = () => {
      const owner = this.connectionOwner(() => {
        if (this.closing === undefined) again();
      }, () => backOff.reset());
      cut = dial({ address: net, type: this.type, limits: this.limits, identity: this.identity }, owner, (cause) => {
        this.events.trouble?.(cause);
        if (this.closing === undefined) again();
      });
    };
    attempt();
    this.dialled.add(() => cut());
  }

  /** SUB and XSUB: asks for messages that begin with `prefix`, from every peer there is and will be. */
  subscribe(prefix: string): void {
    this.subscriptions.add(prefix);
    for (const { connection } of this.peers.values()) sendSubscription(connection, true, prefix);
  }

  /** SUB and XSUB: takes a prefix back. */
  unsubscribe(prefix: string): void {
    if (!this.subscriptions.delete(prefix)) return;
    for (const { connection } of this.peers.values()) sendSubscription(connection, false, prefix);
  }

  /**
   * Sends one message. `false`: it was not taken, since every queue is full (wait for `drained`), or, from a ROUTER, nobody
   * has that identity. A publisher skips peers whose queue is full and tells it by `false`.
   */
  send(parts: readonly Uint8Array[]): boolean {
    if (this.closing !== undefined || parts.length === 0) return false;
    if (this.type === 'PUB' || this.type === 'XPUB') return this.publish(parts);
    if (this.type === 'ROUTER') return this.route(parts);
    if (this.backlog.length === 0 && this.deal(parts)) return true;
    const queued = this.backlog.push(parts);
    if (!queued) this.refused = true;
    return queued;
  }

  /** Stops listening, and closes every connection once what was taken is out, or after `lingerMs`. Idempotent. */
  close(lingerMs = 0): Promise<void> {
    this.closing ??= this.end(lingerMs);
    return this.closing;
  }

  // --- outbound -----------------------------------------------------------------------------------------------------

  /** To the next peer in turn that has room. */
  private deal(parts: readonly Uint8Array[]): boolean {
    const { order } = this;
    for (let tried = 0; tried < order.length; tried++) {
      const peer = order[this.turn++ % order.length] as Peer;
      if (peer.connection.outgoing.pendingBytes >= this.peerBytes) continue;
      peer.connection.sendParts(parts);
      return true;
    }
    return false;
  }

  private publish(parts: readonly Uint8Array[]): boolean {
    let all = true;
    for (const peer of this.peers.values()) {
      if (!isSubscribed(peer, parts[0] as Uint8Array)) continue;
      if (peer.connection.outgoing.pendingBytes >= this.peerBytes) all = false;
      else peer.connection.sendParts(parts);
    }
    if (!all) this.refused = true;
    return all;
  }

  private route(parts: readonly Uint8Array[]): boolean {
    const peer = this.byIdentity.get(Buffer.from(parts[0] as Uint8Array).toString('latin1'));
    if (peer === undefined || parts.length < 2) return false;
    if (peer.connection.outgoing.pendingBytes >= this.peerBytes) {
      this.refused = true;
      return false;
    }
    peer.connection.sendParts(parts.slice(1));
    return true;
  }

  private drain(): void {
    while (this.backlog.length > 0 && this.order.some((peer) => peer.connection.outgoing.pendingBytes < this.peerBytes)) {
      this.deal(this.backlog.shift() as readonly Uint8Array[]);
    }
    if (!this.refused || this.backlog.length > 0) return;
    this.refused = false;
    this.events.drained?.();
  }

  // --- connections --------------------------------------------------------------------------------------------------

  private accept(socket: Socket): void {
    if (this.closing !== undefined || this.peers.size + this.opening.size >= this.maxPeers) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.opening.add(new ZmtpConnection(socket, this.type, this.limits, this.connectionOwner(() => {}, () => {}), this.identity));
  }

  private connectionOwner(after: () => void, ready: () => void): ConnectionOwner {
    return {
      ready: (connection, identity) => {
        ready();
        this.welcome(connection, identity);
      },
      messages: (connection, batch) => this.received(connection, batch),
      subscription: (connection, subscribe, prefix) => this.subscribed(connection, subscribe, prefix),
      written: () => this.drain(),
      ended: (connection, cause) => {
        this.farewell(connection);
        if (cause !== undefined) this.events.trouble?.(cause);
        after();
      },
    };
  }

  private welcome(connection: ZmtpConnection, given: Buffer): void {
    this.opening.delete(connection);
    let identity = given;
    // Two peers of one name would get each other's messages: the second gets a name made up for it.
    if (identity.length === 0 || this.byIdentity.has(identity.toString('latin1'))) {
      identity = Buffer.alloc(5);
      identity.writeUInt32BE(++this.made, 1);
    }
    const peer: Peer = { connection, identity, subscriptions: new Map() };
    this.peers.set(connection, peer);
    this.byIdentity.set(identity.toString('latin1'), peer);
    this.order = [...this.peers.values()];
    for (const prefix of this.subscriptions) sendSubscription(connection, true, prefix);
    this.events.peers?.(this.peers.size);
    this.drain();
  }

  private farewell(connection: ZmtpConnection): void {
    this.opening.delete(connection);
    const peer = this.peers.get(connection);
    if (peer === undefined) return;
    this.peers.delete(connection);
    this.byIdentity.delete(peer.identity.toString('latin1'));
    this.order = [...this.peers.values()];
    this.events.peers?.(this.peers.size);
  }

  private received(connection: ZmtpConnection, batch: Buffer[][]): void {
    if (this.type === 'ROUTER') {
      const peer = this.peers.get(connection);
      if (peer === undefined) return;
      for (const parts of batch) parts.unshift(peer.identity);
    }
    this.events.messages(batch);
  }

  private subscribed(connection: ZmtpConnection, subscribe: boolean, prefix: Buffer): void {
    const subscriptions = this.peers.get(connection)?.subscriptions;
    if (subscriptions === undefined) return;
    const key = prefix.toString('latin1');
    const count = (subscriptions.get(key) ?? 0) + (subscribe ? 1 : -1);
    if (count > 0) subscriptions.set(key, count);
    else subscriptions.delete(key);
    this.events.subscription?.(subscribe, prefix);
  }

  private async end(lingerMs: number): Promise<void> {
    const gone = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const peers = [...this.peers.keys()];
    if (lingerMs > 0) await within(lingerMs, Promise.all(peers.map((connection) => finished(connection))));
    for (const cut of this.dialled) cut();
    for (const connection of [...this.opening, ...peers]) connection.destroy();
    this.opening.clear();
    this.peers.clear();
    this.byIdentity.clear();
    this.order = [];
    this.backlog.clear();
    await Promise.all(gone);
  }
}

/** Says which prefix is wanted, as command to peers of ZMTP 3.1 and as message to those of 3.0. */
function sendSubscription(connection: ZmtpConnection, subscribe: boolean, prefix: string): void {
  const bytes = Buffer.from(prefix, 'latin1');
  if (connection.minor >= 1) connection.outgoing.raw(encodeCommand(subscribe ? 'SUBSCRIBE' : 'CANCEL', bytes));
  else connection.outgoing.raw(Buffer.from(`${frameHead(1 + bytes.length, false)}${subscribe ? '\x01' : '\x00'}${prefix}`, 'latin1'));
}

/** Everything that was taken for this peer is with the kernel, and its side of the connection is closed. */
function finished(connection: ZmtpConnection): Promise<void> {
  connection.outgoing.flush();
  return new Promise((resolve) => {
    connection.socket.once('close', () => resolve());
    connection.socket.end(() => resolve());
  });
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    work,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    }),
  ]);
  clearTimeout(timer);
}
