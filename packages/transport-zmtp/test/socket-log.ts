import type { M2Error } from '@m2/core';
import type { SocketType } from '../src/commands.js';
import { ZmtpSocket } from '../src/socket.js';
import type { SocketOptions } from '../src/socket-options.js';
import { latin1, Signal } from './support.js';

/** The bytes of a latin1 text. */
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A socket under test, and what it told its owner. */
export class SocketLog extends Signal {
  /** Every message, with its frames. */
  readonly batch: (readonly Uint8Array[])[] = [];
  /** `+prefix` and `-prefix`. */
  readonly subscriptions: string[] = [];
  readonly trouble: M2Error[] = [];
  drained = 0;
  /** Where it was bound last. */
  address = '';
  readonly socket: ZmtpSocket;

  constructor(type: SocketType, options: SocketOptions) {
    super();
    this.socket = new ZmtpSocket(
      type,
      {
        messages: (batch) => this.note(() => this.batch.push(...batch)),
        peers: () => this.changed(),
        trouble: (cause) => this.note(() => this.trouble.push(cause)),
        drained: () => this.note(() => this.drained++),
        subscription: (subscribe, prefix) => this.note(() => this.subscriptions.push((subscribe ? '+' : '-') + latin1(prefix))),
      },
      options,
    );
    const { bind } = this.socket;
    this.socket.bind = async (address) => {
      this.address = await bind.call(this.socket, address);
      return this.address;
    };
  }

  /** The messages as texts, frames joined by `|`. */
  get texts(): string[] {
    return this.batch.map((parts) => parts.map(latin1).join('|'));
  }

  send(...parts: string[]): boolean {
    return this.socket.send(parts.map(bytes));
  }

  has(count: number): Promise<void> {
    return this.until(`${count} messages have come`, () => this.batch.length >= count);
  }

  hasPeers(count: number): Promise<void> {
    return this.until(`it has ${count} peers`, () => this.socket.peerCount === count);
  }

  hasSubscriptions(count: number): Promise<void> {
    return this.until(`it was told of ${count} subscriptions`, () => this.subscriptions.length >= count);
  }

  hasTrouble(count: number): Promise<void> {
    return this.until(`it was told of ${count} troubles`, () => this.trouble.length >= count);
  }

  private note(what: () => void): void {
    what();
    this.changed();
  }
}

/** Opens a socket that reconnects quickly. */
export const openSocket = (type: SocketType, options: SocketOptions = {}): SocketLog =>
  new SocketLog(type, { reconnect: { firstMs: 1, longestMs: 20, stableMs: 0 }, ...options });
