import { createHash } from 'node:crypto';
import { FrameParser } from './frame-parser.js';
import type { RoutedRequest } from './routed-request.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The `Sec-WebSocket-Accept` value for a client's key (RFC 6455 section 4.2.2). */
export const acceptValue = (key: string): string => createHash('sha1').update(`${key}${GUID}`, 'latin1').digest('base64');

/**
 * A connection after its WebSocket handshake (protocol 9): whatever the handler answers, what the client sends is frames. The
 * handler writes the 101 and its frames itself.
 */
export class WebSocketSession {
  private readonly frames = new FrameParser((flags, payload) => this.message(flags, payload));
  private broken: string | undefined;

  constructor(private readonly request: RoutedRequest) {}

  /** Sends the handshake message. False: no handler took it. */
  open(): boolean {
    const key = this.request.head.table.get('sec-websocket-key') ?? '';
    return this.request.send(Buffer.from(acceptValue(key), 'latin1'), 'WEBSOCKET_HANDSHAKE');
  }

  /** Reads what the client sent. Returns why the connection must be closed, in words. */
  push(bytes: Buffer): string | undefined {
    return this.frames.push(bytes) ?? this.broken;
  }

  private message(flags: number, payload: Uint8Array): void {
    this.request.head.table.set('FLAGS', `0x${(flags | 0x80).toString(16).toUpperCase()}`);
    if (!this.request.send(payload, 'WEBSOCKET')) this.broken = 'a frame that no handler takes: too many wait';
  }
}
