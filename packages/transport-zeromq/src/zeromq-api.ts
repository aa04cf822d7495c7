import { M2Error } from '@m2/core';

/** One event of a socket's monitor, as far as this package reads it. */
export interface ZeromqEvent {
  /** `connect`, `handshake`, `disconnect`, `close`, `connect:retry`, `handshake:error:…`, `end`, … */
  readonly type: string;
  readonly error?: Error;
}

/** Where a socket's events are read from. */
export interface ZeromqObserver {
  /** The next event; `undefined` or a rejection once the observer is closed. One call at a time. */
  receive(): Promise<ZeromqEvent | undefined>;
  close(): void;
}

/** What all sockets have. */
export interface ZeromqSocket {
  /** Creates the monitor at the first access: read it before `connect` or `bind`, or events are missed. */
  readonly events: ZeromqObserver;
  readonly closed: boolean;
  /** Milliseconds that what is queued may take after `close()`. May be set at any time. */
  linger: number;
  /** The address really bound, with the port filled in. */
  readonly lastEndpoint: string | null;
  connect(address: string): void;
  bind(address: string): Promise<void>;
  /** Rejects a pending operation with `EAGAIN`; the `end` event follows when what was queued is out or given up. */
  close(): void;
}

/** A socket that receives. A second `receive` while one is pending throws `EBUSY` synchronously. */
export interface ZeromqReadable extends ZeromqSocket {
  receive(): Promise<readonly Uint8Array[]>;
}

/** A socket that sends. A second `send` while one is pending throws `EBUSY` synchronously. */
export interface ZeromqWritable extends ZeromqSocket {
  send(message: Uint8Array | Uint8Array[]): Promise<void>;
}

/** A SUB socket. */
export interface ZeromqSubscriber extends ZeromqReadable {
  subscribe(prefix: string): void;
}

/** An XPUB socket: receives subscriptions as `01 prefix` and their ends as `00 prefix`. */
export interface ZeromqXPublisher extends ZeromqReadable, ZeromqWritable {}

/** The options used here; times in milliseconds but for those of TCP keep-alive, which are in seconds. */
export interface ZeromqSocketOptions {
  linger?: number;
  ipv6?: boolean;
  /** Queue messages for established connections only. */
  immediate?: boolean;
  reconnectInterval?: number;
  connectTimeout?: number;
  handshakeInterval?: number;
  tcpKeepalive?: number;
  tcpKeepaliveIdle?: number;
  tcpKeepaliveInterval?: number;
  tcpKeepaliveCount?: number;
}

/** Options of the sockets that send. */
export interface ZeromqPublisherOptions extends ZeromqSocketOptions {
  sendHighWaterMark?: number;
  /** At the high-water mark `send` rejects with `EAGAIN`, where the default is to drop in silence. */
  noDrop?: boolean;
}

/** The part of the zeromq v6 API that this package uses, so that a compatible module can stand in for it. */
export interface ZeromqModule {
  readonly XPublisher: new (options: ZeromqPublisherOptions) => ZeromqXPublisher;
  readonly Pull: new (options: ZeromqSocketOptions) => ZeromqReadable;
  readonly Push: new (options: ZeromqSocketOptions) => ZeromqWritable;
  readonly Subscriber: new (options: ZeromqSocketOptions) => ZeromqSubscriber;
}

/**
 * The `zeromq` package, imported at the first call so that programs which bring another module need not have it.
 * @throws M2Error `M2_SOCKET_FAILED` when it is missing or its native part does not load.
 */
export async function loadZeromq(): Promise<ZeromqModule> {
  try {
    return await import('zeromq');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new M2Error(
      'M2_SOCKET_FAILED',
      `The zeromq package could not be loaded (${reason}). Install it with "npm install zeromq", ` +
        'or pass another module with the same API as { zeromq }.',
      { cause },
    );
  }
}
