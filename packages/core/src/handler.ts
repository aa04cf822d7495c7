import type { Client } from './connection/client.js';
import type { M2Request } from './wire/message.js';

/**
 * Gets every message that Mongrel2 sends, of every kind, one call each. For an HTTP request or a WebSocket
 * handshake the exchange is open until it was answered: a handler that uses `HttpExchange` ends it there; one that
 * writes to the client itself ends it when `handle` returned (or its promise settled) and something was sent.
 * Throwing before anything was sent answers 500.
 */
export interface Handler {
  handle(message: M2Request, client: Client): void | Promise<void>;
  /** Called once when the server starts to stop, with the grace time in milliseconds: tell long-lived streams to end. */
  stopping?(graceMs: number): void;
  /** Called once when nothing is open any more, before the links close. */
  close?(): void | Promise<void>;
}
