import type {
  ZeromqEvent,
  ZeromqModule,
  ZeromqObserver,
  ZeromqPublisherOptions,
  ZeromqSocketOptions,
  ZeromqSubscriber,
  ZeromqXPublisher,
} from '../src/zeromq-api.js';

/** What zeromq.js throws and rejects with. */
export const zeromqError = (code: string): Error => Object.assign(new Error(`fake ${code}`), { code });

/** One promise at a time for a queue of values; like zeromq.js, a second `receive` throws EBUSY synchronously. */
export class Inbox<T> {
  private values: T[] = [];
  private pending: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;

  put(...values: T[]): void {
    this.values.push(...values);
    const { pending } = this;
    if (pending === undefined) return;
    const value = this.values.shift();
    if (value === undefined) return;
    this.pending = undefined;
    pending.resolve(value);
  }

  receive(): Promise<T> {
    if (this.pending !== undefined) throw zeromqError('EBUSY');
    const value = this.values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
    });
  }

  fail(error: unknown): void {
    this.pending?.reject(error);
    this.pending = undefined;
  }

  /** Values that nobody has taken. */
  get left(): number {
    return this.values.length;
  }
}

class FakeObserver extends Inbox<ZeromqEvent> implements ZeromqObserver {
  closed = false;
  close(): void {
    this.closed = true;
  }
}

/** A socket of which a test plays the peer and libzmq. */
export class FakeSocket implements ZeromqXPublisher, ZeromqSubscriber {
  readonly inbox = new Inbox<readonly Uint8Array[]>();
  readonly events = new FakeObserver();
  readonly connects: string[] = [];
  /** What was sent; a joined call is one entry. */
  readonly sent: Uint8Array[][] = [];
  closed = false;
  linger = -1;
  lastEndpoint: string | null = null;
  /** Errors that the next calls of `send` reject with, one each. */
  refusals: Error[] = [];
  /** How many calls of `send` are under way. */
  sending = 0;

  constructor(
    readonly kind: 'xpub' | 'pull' | 'push' | 'sub',
    readonly options: ZeromqPublisherOptions,
  ) {}

  connect(address: string): void {
    this.connects.push(address);
  }

  async bind(address: string): Promise<void> {
    this.lastEndpoint = address;
  }

  subscribe(): void {}

  receive(): Promise<readonly Uint8Array[]> {
    if (this.closed) throw zeromqError('EBADF');
    return this.inbox.receive();
  }

  async send(message: Uint8Array | Uint8Array[]): Promise<void> {
    if (this.sending > 0) throw zeromqError('EBUSY');
    this.sending++;
    await Promise.resolve();
    this.sending--;
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    this.sent.push(Array.isArray(message) ? [...message] : [message]);
  }

  close(): void {
    this.closed = true;
    this.inbox.fail(zeromqError('EAGAIN'));
    this.events.put({ type: 'end' });
  }

  /** Plays events of the connection. */
  happens(...types: string[]): void {
    this.events.put(...types.map((type) => ({ type })));
  }

  /** Plays messages of the peer. */
  arrives(...texts: string[]): void {
    this.inbox.put(...texts.map((text) => [Buffer.from(text, 'latin1')]));
  }

  get texts(): string[] {
    return this.sent.flat().map((part) => Buffer.from(part).toString('latin1'));
  }
}

/** A zeromq module whose sockets are kept in the order in which they were made. */
export class FakeZeromq {
  readonly sockets: FakeSocket[] = [];

  get module(): ZeromqModule {
    const { sockets } = this;
    const kind = (name: FakeSocket['kind']) =>
      class extends FakeSocket {
        constructor(options: ZeromqSocketOptions) {
          super(name, options);
          sockets.push(this);
        }
      };
    return { XPublisher: kind('xpub'), Pull: kind('pull'), Push: kind('push'), Subscriber: kind('sub') };
  }

  /** The newest socket of a kind. */
  last(kind: FakeSocket['kind']): FakeSocket {
    const socket = this.sockets.findLast((candidate) => candidate.kind === kind);
    if (socket === undefined) throw new Error(`No ${kind} socket was made.`);
    return socket;
  }
}
