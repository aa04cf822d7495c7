import type { Socket } from 'node:net';
import { M2Error } from '@m2/core';
import { parseAddress } from './addresses.js';
import { BackOff, defaultReconnect, type ReconnectOptions } from './back-off.js';
import { encodeSubscription, type SocketType } from './commands.js';
import { type ConnectionOwner, ZmtpConnection } from './connection.js';
import { dial } from './dial.js';
import { defaultZmtpLimits, type ZmtpLimits } from './limits.js';
import { type Listener, listen } from './listen.js';
import type { Peer, SocketCounters, SocketEvents } from './peer.js';
import { SendBacklog } from './send-backlog.js';
import type { SocketOptions } from './socket-options.js';
import { Subscriptions } from './subscriptions.js';

/**
 * A ZeroMQ socket with any number of peers, bound and connected, that reconnects by itself: the general form, for the
 * server's side, devices and the control port (RFC 28, 29, 30). Messages go to one peer in turn (PUSH, DEALER, REQ), to
 * the one that is addressed by the first frame (ROUTER, REP), or to all that subscribed (PUB, XPUB). Envelopes of REQ and REP are
 * the owner's business here: `ZmtpRequester` and `ZmtpResponder` do that.
 */
export class ZmtpSocket {
  readonly counters: SocketCounters = { received: 0, sent: 0, refused: 0, lost: 0, unwanted: 0 };
  private readonly limits: ZmtpLimits;
  private readonly reconnect: ReconnectOptions;
  private readonly identity: Buffer;
  private readonly peerBytes: number;
  private readonly maxPeers: number;
  private readonly maxOpening: number;
  private readonly backlog: SendBacklog;
  private readonly listeners: Listener[] = [];
  private readonly dialled = new Set<() => void>();
  private readonly opening = new Set<ZmtpConnection>();
  private readonly peers = new Map<ZmtpConnection, Peer>();
  /** Peers that have ended their side and are still sent what was taken for them. */
  private readonly leaving = new Set<ZmtpConnection>();
  private readonly byIdentity = new Map<string, Peer>();
  private order: Peer[] = [];
  private turn = 0;
  private made = 0;
  private refusing = false;
  private readonly wanted = new Subscriptions();
  private readonly addressed: boolean;
  private over = false;
  private closing: Promise<void> | undefined;
  private emptied: (() => void) | undefined;

  constructor(
    readonly type: SocketType,
    private readonly events: SocketEvents,
    options: SocketOptions = {},
  ) {
    this.limits = { ...defaultZmtpLimits, ...options.limits };
    this.reconnect = { ...defaultReconnect, ...options.reconnect };
    this.identity = Buffer.from(options.identity ?? []);
    this.peerBytes = options.peerBytes ?? 16 * 1024 * 1024;
    this.maxPeers = options.maxPeers ?? 10_000;
    this.maxOpening = options.maxOpening ?? 1000;
    this.backlog = new SendBacklog({ messages: 1000, bytes: 64 * 1024 * 1024, ...options.backlog });
    this.addressed = type === 'ROUTER' || type === 'REP';
    if (this.identity.length > 255 || this.identity[0] === 0) {
      throw new M2Error('M2_OPTION_INVALID', 'The identity of a socket has 1 to 255 bytes, and the first is not 0.');
    }
  }

  /** Peers whose handshake is done. */
  get peerCount(): number {
    return this.peers.size;
  }

  /**
   * Listens. Resolves to the address with the port or path that it really has.
   * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED`; `M2_CLOSED` after `close()`
   */
  async bind(address: string): Promise<string> {
    const listener = await listen(address, {
      accepted: (socket) => this.accept(socket),
      trouble: (cause) => this.events.trouble?.(cause),
    });
    if (this.closing !== undefined) {
      await listener.close();
      throw new M2Error('M2_CLOSED', `The socket was closed before it could listen at '${address}'.`);
    }
    this.listeners.push(listener);
    return listener.address;
  }

  /**
   * Connects, now and again after every end, with back-off. Nothing after `close()`.
   * @throws M2Error `M2_SPEC_INVALID`
   */
  connect(address: string): void {
    const options = { address: parseAddress(address, false), type: this.type, limits: this.limits, identity: this.identity };
    if (this.closing !== undefined) return;
    const backOff = new BackOff(this.reconnect);
    let cut: () => void = () => {};
    const again = () => {
      if (this.over) return;
      backOff.ended();
      const timer = setTimeout(attempt, backOff.next());
      cut = () => clearTimeout(timer);
    };
    const attempt = () => {
      const dialled = dial(
        options,
        this.connectionOwner(() => backOff.begun(), again),
        (cause) => {
          this.events.trouble?.(cause);
          again();
        },
      );
      cut = () => dialled.cut();
    };
    attempt();
    this.dialled.add(() => cut());
  }

  /** SUB and XSUB: asks for messages that begin with `prefix` (latin1), from every peer there is and will be. Asking twice is asking once. */
  subscribe(prefix: string): void {
    if (this.wanted.has(prefix)) return;
    this.wanted.add(prefix);
    for (const { connection } of this.peers.values()) connection.outgoing.raw(encodeSubscription(connection.minor, true, prefix));
  }

  /** SUB and XSUB: takes a prefix back. */
  unsubscribe(prefix: string): void {
    if (!this.wanted.remove(prefix)) return;
    for (const { connection } of this.peers.values())
      connection.outgoing.raw(encodeSubscription(connection.minor, false, prefix));
  }

  /**
   * Sends one message. `false`: it was not taken, since every queue is full (wait for `drained`), or, from a ROUTER, nobody
   * has that identity. A publisher skips peers whose queue is full and tells it by `false`. The bytes must not be changed afterwards.
   */
  send(parts: readonly Uint8Array[]): boolean {
    const taken = this.closing === undefined && parts.length > 0 && this.pass(parts);
    if (!taken) this.counters.refused++;
    return taken;
  }

  /** Stops listening, and closes every connection once what was taken is out, or after `lingerMs`. Idempotent. */
  close(lingerMs = 0): Promise<void> {
    this.closing ??= this.end(lingerMs);
    return this.closing;
  }

  // --- outbound -----------------------------------------------------------------------------------------------------

  private pass(parts: readonly Uint8Array[]): boolean {
    switch (this.type) {
      case 'PUB':
      case 'XPUB':
        return this.publish(parts);
      case 'ROUTER':
      case 'REP':
        return this.route(parts);
      case 'PUSH':
      case 'DEALER':
      case 'REQ': {
        if (this.backlog.length === 0 && this.deal(parts)) return true;
        const queued = this.backlog.push(parts);
        if (!queued) this.refusing = true;
        return queued;
      }
      default:
        return false;
    }
  }

  private hasRoom(peer: Peer): boolean {
    return peer.connection.outgoing.pendingBytes < this.peerBytes;
  }

  /** To the next peer in turn that has room. */
  private deal(parts: readonly Uint8Array[]): boolean {
    const { order } = this;
    for (let tried = 0; tried < order.length; tried++) {
      const peer = order[this.turn++ % order.length] as Peer;
      if (!this.hasRoom(peer)) continue;
      peer.connection.sendParts(parts);
      return true;
    }
    return false;
  }

  private publish(parts: readonly Uint8Array[]): boolean {
    let all = true;
    for (const peer of this.peers.values()) {
      if (!peer.subscriptions.match(parts[0] as Uint8Array)) continue;
      if (!this.hasRoom(peer)) all = false;
      else peer.connection.sendParts(parts);
    }
    if (!all) this.refusing = true;
    return all;
  }

  private route(parts: readonly Uint8Array[]): boolean {
    const peer = this.byIdentity.get(Buffer.from(parts[0] as Uint8Array).toString('latin1'));
    if (peer === undefined || parts.length < 2) return false;
    if (this.hasRoom(peer)) {
      peer.connection.sendParts(parts.slice(1));
      return true;
    }
    this.refusing = true;
    return false;
  }

  private drain(): void {
    while (this.backlog.length > 0 && this.order.some((peer) => this.hasRoom(peer))) {
      this.deal(this.backlog.shift() as readonly Uint8Array[]);
    }
    if (this.backlog.length > 0) return;
    this.emptied?.();
    if (!this.refusing) return;
    this.refusing = false;
    this.events.drained?.();
  }

  // --- connections --------------------------------------------------------------------------------------------------

  private accept(socket: Socket): void {
    if (this.closing !== undefined || this.peers.size >= this.maxPeers || this.opening.size >= this.maxOpening) {
      socket.on('error', () => {});
      socket.destroy();
      this.events.trouble?.(
        new M2Error(
          'M2_LIMIT_EXCEEDED',
          `A connection was refused: ${this.peers.size} peers and ${this.opening.size} handshakes are open.`,
        ),
      );
      return;
    }
    const owner = this.connectionOwner(
      () => {},
      () => {},
    );
    this.opening.add(new ZmtpConnection(socket, this.type, this.limits, owner, this.identity));
  }

  private connectionOwner(ready: () => void, ended: () => void): ConnectionOwner {
    return {
      ready: (connection, identity) => {
        ready();
        this.welcome(connection, identity);
      },
      messages: (connection, frames, sizes) => this.received(connection, frames, sizes),
      subscription: (connection, subscribe, prefix) => this.subscribed(connection, subscribe, prefix),
      written: (_, messages) => {
        this.counters.sent += messages;
        this.drain();
      },
      ended: (connection, cause) => {
        this.farewell(connection, cause);
        ended();
      },
    };
  }

  private welcome(connection: ZmtpConnection, given: Buffer): void {
    this.opening.delete(connection);
    if (given.length > 255 || given[0] === 0) {
      throw new M2Error(
        'M2_PEER_PROTOCOL',
        'The peer gave itself an identity that ZMTP does not allow: 1 to 255 bytes, the first not 0.',
      );
    }
    let identity = given;
    // Two peers of one name would get each other's messages: the second gets a name made up for it.
    if (identity.length === 0 || this.byIdentity.has(identity.toString('latin1'))) {
      identity = Buffer.alloc(5);
      identity.writeUInt32BE(++this.made, 1);
    }
    const peer: Peer = { connection, identity, subscriptions: new Subscriptions(this.limits.subscriptions) };
    this.peers.set(connection, peer);
    this.byIdentity.set(identity.toString('latin1'), peer);
    this.order = [...this.peers.values()];
    for (const prefix of this.wanted.prefixes) connection.outgoing.raw(encodeSubscription(connection.minor, true, prefix));
    this.events.peers?.(this.peers.size);
    this.drain();
  }

  private farewell(connection: ZmtpConnection, cause: M2Error | undefined): void {
    this.opening.delete(connection);
    const peer = this.peers.get(connection);
    if (peer !== undefined) {
      this.peers.delete(connection);
      this.byIdentity.delete(peer.identity.toString('latin1'));
      this.order = [...this.peers.values()];
      for (const prefix of peer.subscriptions.prefixes) this.events.subscription?.(false, Buffer.from(prefix, 'latin1'));
      this.countLost(connection);
      this.events.peers?.(this.peers.size);
    }
    if (cause !== undefined) this.events.trouble?.(cause);
  }

  /** What was taken for a peer may still go out after it has ended its side; what is left then is lost. */
  private countLost(connection: ZmtpConnection): void {
    const { socket, outgoing } = connection;
    if (outgoing.pendingMessages === 0) return;
    this.leaving.add(connection);
    const count = () => {
      const lost = outgoing.pendingMessages;
      if (!this.leaving.delete(connection) || lost === 0) return;
      this.counters.lost += lost;
      this.events.trouble?.(
        new M2Error('M2_LINK_DOWN', `A peer went away, and ${lost} messages that were taken for it are lost.`, {
          details: { lost },
        }),
      );
    };
    if (socket.closed) count();
    else socket.once('close', count);
  }

  private received(connection: ZmtpConnection, frames: Buffer[], sizes: number[] | undefined): void {
    let batch = sizes === undefined ? frames.map((frame) => [frame]) : split(frames, sizes);
    if (this.type === 'SUB' && !this.wanted.has('')) {
      const all = batch.length;
      batch = batch.filter(([first]) => this.wanted.match(first as Buffer));
      this.counters.unwanted += all - batch.length;
      if (batch.length === 0) return;
    }
    if (this.addressed) {
      const identity = this.peers.get(connection)?.identity;
      if (identity === undefined) return;
      for (const parts of batch) parts.unshift(identity);
    }
    this.counters.received += batch.length;
    this.events.messages(batch);
  }

  private subscribed(connection: ZmtpConnection, subscribe: boolean, prefix: Buffer): void {
    const subscriptions = this.peers.get(connection)?.subscriptions;
    if (subscriptions === undefined) return;
    const key = prefix.toString('latin1');
    const had = subscriptions.has(key);
    if (subscribe) subscriptions.add(key);
    else subscriptions.remove(key);
    if (subscriptions.has(key) !== had) this.events.subscription?.(subscribe, prefix);
  }

  private async end(lingerMs: number): Promise<void> {
    const stopped = this.listeners.map((listener) => listener.close());
    if (lingerMs > 0) await this.flush(lingerMs);
    this.over = true;
    this.counters.lost += this.backlog.length;
    for (const cut of this.dialled) cut();
    for (const connection of [...this.opening, ...this.peers.keys(), ...this.leaving]) {
      this.counters.lost += connection.outgoing.pendingMessages;
      connection.destroy();
    }
    this.opening.clear();
    this.peers.clear();
    this.leaving.clear();
    this.byIdentity.clear();
    this.order = [];
    this.backlog.clear();
    await Promise.all(stopped);
  }

  /** Waits for a peer for what has none, then lets every connection end in order. */
  private async flush(lingerMs: number): Promise<void> {
    const deadline = performance.now() + lingerMs;
    if (this.backlog.length > 0 && this.peers.size + this.dialled.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lingerMs);
        this.emptied = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.over = true;
    const left = Math.max(1, deadline - performance.now());
    await Promise.all([...this.peers.keys()].map((connection) => connection.finish(left)));
  }
}

function split(frames: Buffer[], sizes: readonly number[]): Buffer[][] {
  let at = 0;
  return sizes.map((size) => {
    at += size;
    return frames.slice(at - size, at);
  });
}
