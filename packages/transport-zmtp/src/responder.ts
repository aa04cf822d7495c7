import { M2Error } from '@m2/core';
import { ZmtpSocket } from './socket.js';
import type { SocketOptions } from './socket-options.js';

/** What a {@link ZmtpResponder} tells its owner. */
export interface ResponderEvents {
  /** Gives the frames of the answer to a question. Questions of several peers may be open at once. */
  answer(parts: readonly Uint8Array[]): readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** A peer was cut off, `answer` failed (its peer gets no answer), or the peer had gone when the answer came; the socket goes on. */
  trouble?(cause: unknown): void;
}

/** A REP socket: answers REQ and DEALER sockets (RFC 28). */
export class ZmtpResponder {
  private readonly socket: ZmtpSocket;

  constructor(
    private readonly events: ResponderEvents,
    options: SocketOptions = {},
  ) {
    this.socket = new ZmtpSocket(
      'REP',
      {
        messages: (batch) => {
          for (const parts of batch) void this.received(parts);
        },
        trouble: (cause) => events.trouble?.(cause),
      },
      options,
    );
  }

  /**
   * Listens. Resolves to the address with the port or path that it really has.
   * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED`
   */
  bind(address: string): Promise<string> {
    return this.socket.bind(address);
  }

  /**
   * Connects, now and again after every end.
   * @throws M2Error `M2_SPEC_INVALID`
   */
  connect(address: string): void {
    this.socket.connect(address);
  }

  /** Closes once the answers given so far are out, or after `lingerMs`. Idempotent. */
  close(lingerMs = 0): Promise<void> {
    return this.socket.close(lingerMs);
  }

  private async received(parts: readonly Uint8Array[]): Promise<void> {
    // The envelope: who asks, whom it came through, and an empty frame behind them.
    const delimiter = parts.findIndex((part, at) => at > 0 && part.length === 0);
    if (delimiter < 0 || delimiter === parts.length - 1) {
      this.events.trouble?.(new M2Error('M2_PEER_PROTOCOL', 'A peer sent a question without an envelope; it is dropped.'));
      return;
    }
    try {
      const answer = await this.events.answer(parts.slice(delimiter + 1));
      if (!this.socket.send([...parts.slice(0, delimiter + 1), ...answer])) {
        this.events.trouble?.(
          new M2Error('M2_LINK_DOWN', 'The peer that asked went away, or takes no more, before it was answered.'),
        );
      }
    } catch (error) {
      this.events.trouble?.(error);
    }
  }
}
