import * as zeromq from 'zeromq';
import type { SocketType } from '../src/commands.js';
import { eventually, latin1, Signal } from './support.js';

const CLASSES = {
  PULL: zeromq.Pull,
  PUSH: zeromq.Push,
  PUB: zeromq.Publisher,
  XPUB: zeromq.XPublisher,
  SUB: zeromq.Subscriber,
  XSUB: zeromq.XSubscriber,
  DEALER: zeromq.Dealer,
  ROUTER: zeromq.Router,
  REQ: zeromq.Request,
  REP: zeromq.Reply,
} as const;

/** As much of a zeromq socket as the tests touch. */
interface Native {
  bind(address: string): Promise<void>;
  connect(address: string): void;
  readonly lastEndpoint: string | null;
  readonly closed: boolean;
  close(): void;
  send?(parts: Uint8Array[]): Promise<void>;
  receive?(): Promise<Uint8Array[]>;
  subscribe?(prefix: Uint8Array): void;
  unsubscribe?(prefix: Uint8Array): void;
}

/** A socket of libzmq, and what it received. */
export class NativeSocket extends Signal {
  readonly batch: Uint8Array[][] = [];
  readonly socket: Native;
  private sending = Promise.resolve();

  constructor(type: SocketType, options: Readonly<Record<string, unknown>> = {}) {
    super();
    const Class = CLASSES[type] as unknown as new (options: object) => Native;
    this.socket = new Class({ linger: 0, ...options });
    // REP answers by the test's own calls.
    if (this.socket.receive !== undefined && type !== 'REP' && type !== 'REQ') void this.read();
  }

  get texts(): string[] {
    return this.batch.map((parts) => parts.map(latin1).join('|'));
  }

  async bind(address: string): Promise<string> {
    await this.socket.bind(address);
    return this.socket.lastEndpoint ?? '';
  }

  /** Sends after all that was sent before. */
  send(...parts: (string | Uint8Array)[]): Promise<void> {
    const message = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
    this.sending = this.sending.then(() => this.socket.send?.(message));
    return this.sending;
  }

  subscribe(prefix: string): void {
    this.socket.subscribe?.(Buffer.from(prefix, 'latin1'));
  }

  unsubscribe(prefix: string): void {
    this.socket.unsubscribe?.(Buffer.from(prefix, 'latin1'));
  }

  has(count: number): Promise<void> {
    return this.until(`${count} messages have come (${this.batch.length} did)`, () => this.batch.length >= count);
  }

  async close(): Promise<void> {
    this.socket.close();
    await eventually('it is closed', () => this.socket.closed);
  }

  private async read(): Promise<void> {
    try {
      for (;;) {
        const parts = (await this.socket.receive?.()) ?? [];
        this.batch.push(parts);
        this.changed();
      }
    } catch (error) {
      if (!this.socket.closed) throw error;
    }
  }
}
