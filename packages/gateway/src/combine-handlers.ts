import { type Client, type Handler, HttpExchange, type M2Request } from '@m2/core';
import { refusal, refuse } from './refusal.js';

/** Who handles what; each is optional, and one handler may be named several times. */
export interface HandlerParts {
  /** HTTP requests. Without it they get 404. */
  readonly http?: Handler;
  /** WebSocket handshakes, and the frames of those that it accepts. Without it handshakes get 426. */
  readonly websocket?: Handler;
  /** Messages of JSON and XML sockets. Without it their connections are closed. */
  readonly socket?: Handler;
}

/**
 * One handler of several, chosen by the kind of message. Notices, such as that a client went away, go to all of them; the
 * parts of an upload go with HTTP.
 */
export const combineHandlers = (parts: HandlerParts): Handler => new CombinedHandler(parts);

class CombinedHandler implements Handler {
  private readonly all: readonly Handler[];
  private readonly http: Handler;
  private readonly websocket: Handler;
  private readonly socket: Handler;

  constructor({ http, websocket, socket }: HandlerParts) {
    this.all = [...new Set([http, websocket, socket])].filter((handler) => handler !== undefined);
    this.http = http ?? answering(404);
    this.websocket = websocket ?? answering(426);
    this.socket = socket ?? CLOSING;
  }

  handle(message: M2Request, client: Client): void | Promise<void> {
    switch (message.kind) {
      case 'http':
      case 'upload-part':
        return this.http.handle(message, client);
      case 'websocket':
      case 'websocket-handshake':
        return this.websocket.handle(message, client);
      case 'json-socket':
      case 'xml-socket':
        return this.socket.handle(message, client);
      default:
        return this.notice(message, client);
    }
  }

  stopping(graceMs: number): void {
    const errors: unknown[] = [];
    for (const handler of this.all) {
      try {
        handler.stopping?.(graceMs);
      } catch (error) {
        errors.push(error);
      }
    }
    throwFirst(errors);
  }

  async close(): Promise<void> {
    const results = await Promise.allSettled(this.all.map(async (handler) => handler.close?.()));
    throwFirst(results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason));
  }

  private notice(message: M2Request, client: Client): void | Promise<void> {
    const pending: Promise<void>[] = [];
    for (const handler of this.all) {
      const result = handler.handle(message, client);
      if (result !== undefined) pending.push(result);
    }
    if (pending.length > 0) return Promise.all(pending).then(() => {});
  }
}

const answering = (status: number): Handler => ({
  handle(message, client) {
    if (message.kind === 'http' || message.kind === 'websocket-handshake') {
      refuse(new HttpExchange(message, client), refusal(status, true));
    }
  },
});

const CLOSING: Handler = { handle: (_, client) => client.close() };

/** One part that fails must not keep the others from ending. */
function throwFirst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors[0];
}
