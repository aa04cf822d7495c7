import type { ZeromqEvent, ZeromqSocket } from './zeromq-api.js';

/**
 * Why a socket's one connection is over: nobody accepted it (`absent`), the peer was there but did not finish the
 * ZeroMQ handshake (`handshake`: a wrong socket type, or no ZeroMQ at all), it was established and ended (`lost`), or
 * the socket itself failed (`failed`).
 */
export type ConnectionEnd = 'absent' | 'handshake' | 'lost' | 'failed';

/**
 * Follows the one connection that a socket makes in its life, by the socket's own events. libzmq must never reconnect
 * by itself here: what it would then deliver to a restarted server was meant for the one before it.
 */
export class ConnectionMonitor {
  /** Resolves when the socket is closed and what it had queued is out or given up. */
  readonly closed: Promise<void>;
  /** The handshake succeeded. */
  established = false;
  private connected = false;
  private over = false;

  /** Reads the events of `socket`; make it before `connect()`. Each callback is called at most once. */
  constructor(
    socket: ZeromqSocket,
    private readonly onEstablished: () => void,
    private readonly onEnd: (end: ConnectionEnd, error: Error | undefined) => void,
  ) {
    this.closed = this.follow(socket);
  }

  /** No more callbacks; `closed` still resolves. */
  mute(): void {
    this.over = true;
  }

  private async follow(socket: ZeromqSocket): Promise<void> {
    const observer = socket.events;
    try {
      for (;;) {
        const event = await observer.receive();
        if (event === undefined || event.type === 'end') break;
        if (!this.over) this.on(event);
      }
    } catch {
      // A closed observer rejects; the end is reported below.
    }
    observer.close();
    this.end('failed', undefined);
  }

  private on(event: ZeromqEvent): void {
    switch (event.type) {
      case 'connect':
        this.connected = true;
        return;
      case 'handshake':
        this.established = true;
        return this.onEstablished();
      case 'handshake:error:protocol':
      case 'handshake:error:auth':
      case 'handshake:error:other':
        return this.end('handshake', event.error);
      case 'disconnect':
        return this.end(this.established ? 'lost' : 'handshake', undefined);
      // A name that does not resolve shows as `connect:retry` only, a refused connection as `close` first.
      case 'close':
      case 'connect:retry':
        return this.end(this.established ? 'lost' : this.connected ? 'handshake' : 'absent', undefined);
    }
  }

  private end(end: ConnectionEnd, error: Error | undefined): void {
    if (this.over) return;
    this.over = true;
    this.onEnd(end, error);
  }
}

/** Closes a socket and waits until it is gone, its queue flushed or given up after `lingerMs`. */
export async function closeSocket(socket: ZeromqSocket, monitor: ConnectionMonitor, lingerMs: number): Promise<void> {
  monitor.mute();
  if (!socket.closed) {
    socket.linger = lingerMs;
    socket.close();
  }
  await within(lingerMs + 1000, monitor.closed);
}

/** Waits for `done`, but at most `ms`. */
export async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}
