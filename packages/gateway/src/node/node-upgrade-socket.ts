import {
  type Client,
  encodeClosePayload,
  type HttpExchange,
  Opcode,
  type WebSocketHandshake,
  type WebSocketMessage,
} from '@m2/core';
import { encodeChunk, joinChunks } from './node-bytes.js';
import { clientFrame } from './node-frames.js';
import { ClientSocket, type SocketHost, type StreamCallback } from './node-socket.js';

/** How long the head of an answer to a handshake may be, in characters. */
const MAX_HEAD = 16_384;
const END_OF_HEAD = '\r\n\r\n';
const SWITCHING = /^HTTP\/1\.[01] 101 /;
const FIN = 0x80;
/** RFC 6455 7.4.1. */
const GOING_AWAY = 1001;

/** Settings of one, and what it tells. */
export interface UpgradeOptions {
  /** Bytes of messages that may wait for the app. */
  readonly bufferBytes: number;
  /** More waits than that: its connection was closed. */
  overflowed(message: WebSocketHandshake): void;
}

/**
 * The connection of a WebSocket as Node's 'upgrade' hands it over: the app writes the answer to the handshake and then
 * frames, both as raw bytes, and reads the client's frames. Mongrel2 has taken those apart; they are put together again.
 */
export class UpgradeSocket extends ClientSocket<WebSocketHandshake> {
  readonly #exchange: HttpExchange;
  readonly #client: Client;
  readonly #options: UpgradeOptions;
  /** What was written of the answer's head. */
  #head = '';
  #state: 'handshake' | 'frames' | 'refused' = 'handshake';
  #waiting = false;

  constructor(exchange: HttpExchange, message: WebSocketHandshake, host: SocketHost, options: UpgradeOptions) {
    super(message, host);
    this.#exchange = exchange;
    this.#client = exchange.client;
    this.#options = options;
  }

  /** A message of the client's. Those that come before the handshake was answered wait. @internal */
  frame(message: Pick<WebSocketMessage, 'flags' | 'body'>): void {
    if (this.destroyed || this.readableEnded) return;
    const frame = clientFrame(message);
    this.received(frame.length);
    this.push(frame);
    // Mongrel2 cannot be told to stop reading: what the app does not read has to fit here. One message always does.
    const { readableLength } = this;
    if (readableLength <= this.#options.bufferBytes || readableLength === frame.length) return;
    this.#options.overflowed(this.message);
    this.destroy();
  }

  /** The server stops: as if the client had said goodbye, which the app answers. @internal */
  stopping(): void {
    this.frame({ flags: FIN | Opcode.close, body: encodeClosePayload(GOING_AWAY) });
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, callback: StreamCallback): void {
    this.#send(encodeChunk(chunk, encoding), callback);
  }

  override _writev(chunks: { chunk: string | Buffer; encoding: BufferEncoding }[], callback: StreamCallback): void {
    this.#send(joinChunks(chunks), callback);
  }

  #send(bytes: string | Uint8Array, callback: StreamCallback): void {
    this.sending(bytes.length);
    if (this.#state === 'frames') return this.#sendFrames(bytes, callback);
    if (this.#state === 'refused') {
      if (!this.#exchange.ended) this.#exchange.sendFramed(bytes);
      return callback();
    }
    this.#head += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end === -1) return callback(this.#head.length > MAX_HEAD ? new Error('The answer to the handshake has no end.') : null);
    const head = this.#head.slice(0, end + END_OF_HEAD.length);
    const rest = this.#head.slice(head.length);
    this.#head = '';
    if (!SWITCHING.test(head)) {
      this.#state = 'refused';
      if (!this.#exchange.ended) this.#exchange.sendFramed(head + rest);
      return callback();
    }
    this.#state = 'frames';
    if (!this.#exchange.ended) this.#exchange.endFramed(true, head);
    this.#sendFrames(rest, callback);
  }

  #sendFrames(bytes: string | Uint8Array, callback: StreamCallback): void {
    const client = this.#client;
    if (client.send(bytes) || client.closed) return callback();
    this.#waiting = true;
    void client.drained().then(() => {
      this.#waiting = false;
      callback();
    });
  }

  override _final(callback: StreamCallback): void {
    this.#close();
    callback();
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    // A client that does not take what it was sent is not waited for.
    if (this.#waiting) this.#client.cancel();
    else this.#close();
    super._destroy(error, callback);
  }

  #close(): void {
    if (this.#exchange.ended) this.#client.close();
    else this.#exchange.endFramed(false, '', this.#state === 'handshake');
  }
}
