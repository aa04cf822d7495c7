import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** What listeners of events are, to an emitter. */
type Listener = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Emits 'request' (or 'checkContinue', where the app listens for that and the client waited), and returns what a listener
 * returned: `emit` would not tell of a promise, and a rejection would end the process instead of being answered 500.
 * Servers whose `emit` is another than Node's, as tracing makes them, are asked by that.
 */
export function emitRequest(server: Server, request: IncomingMessage, response: ServerResponse): unknown {
  const event = expectsContinue(request) && server.listenerCount('checkContinue') > 0 ? 'checkContinue' : 'request';
  if (server.emit !== EventEmitter.prototype.emit) {
    if (!server.emit(event, request, response)) throw nobody();
    return undefined;
  }
  const listeners = server.rawListeners(event) as Listener[];
  if (listeners.length === 0) throw nobody();
  if (listeners.length === 1) return listeners[0]?.call(server, request, response);
  const results = listeners.map((listener) => listener.call(server, request, response)).filter(isThenable);
  return results.length === 0 ? undefined : Promise.all(results);
}

const nobody = (): Error => new Error("The http.Server has no listener for 'request'.");

/** Mongrel2 has answered 100 by now, and refuses all other expectations (protocol 2.3 and 6). */
const expectsContinue = (request: IncomingMessage): boolean =>
  request.httpVersionMinor === 1 && hasExpect(request) && request.headers.expect !== undefined;

/** Without making all of `headers`, which costs more than the rest. */
const hasExpect = ({ rawHeaders }: IncomingMessage): boolean => rawHeaders.includes('expect');

/** Whether a listener returned something to wait for. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
