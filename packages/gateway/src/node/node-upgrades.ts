import {
  type Client,
  type HttpExchange,
  type Logger,
  reasonPhrase,
  type WebSocketHandshake,
  type WebSocketMessage,
} from '@m2/core';
import { type Refusal, refuse } from '../refusal.js';
import { makeRequest } from './node-request.js';
import type { SocketHost } from './node-socket.js';
import { type UpgradeOptions, UpgradeSocket } from './node-upgrade-socket.js';

const NO_WEBSOCKETS: Refusal = { status: 426, text: reasonPhrase(426), close: true };

/** The WebSocket connections of an app that listens for 'upgrade'. */
export class Upgrades implements UpgradeOptions {
  private readonly sockets = new Map<Client, UpgradeSocket>();

  constructor(
    private readonly host: SocketHost,
    readonly bufferBytes: number,
    private readonly logger: Logger,
  ) {}

  /** Gives a handshake to the app; 426 when it takes none. What its listener throws is thrown. */
  open(message: WebSocketHandshake, exchange: HttpExchange, url: string): void {
    const { server } = this.host;
    if (server.listenerCount('upgrade') === 0) return refuse(exchange, NO_WEBSOCKETS);
    const { client } = exchange;
    const socket = new UpgradeSocket(exchange, message, this.host, this);
    this.sockets.set(client, socket);
    client.onGone = () => {
      this.sockets.delete(client);
      socket.clientGone();
    };
    // Mongrel2 puts a word of its own in the place of the method (protocol 9); a client may use only this one (RFC 6455 4.1).
    const request = makeRequest(message, 'GET', url, socket);
    (request as unknown as { upgrade: boolean }).upgrade = true;
    server.emit('upgrade', request, socket, NO_BYTES);
    request.complete = true;
    request.push(null);
  }

  /** A message of one of them, or of a connection that is none. */
  frame(message: WebSocketMessage, client: Client): void {
    this.sockets.get(client)?.frame(message);
  }

  /** The server stops: all are told as if their clients had said goodbye. */
  stopping(): void {
    for (const socket of [...this.sockets.values()]) socket.stopping();
  }

  overflowed(message: WebSocketHandshake): void {
    this.logger.warn(
      `The WebSocket of connection ${message.id} of ${message.server} for ${message.path} was closed: more than ${this.bufferBytes} bytes ` +
        'of its messages waited for the app to read them. Read faster, or raise upgradeBufferBytes.',
    );
  }
}

const NO_BYTES = Buffer.alloc(0);
