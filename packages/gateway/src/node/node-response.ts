import { type IncomingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import { normaliseHead } from './node-head.js';
import { type AppResponse, RequestSocket } from './node-request-socket.js';

/** What Node's own methods are, and what no declaration tells of them. */
interface Methods {
  _storeHeader(this: ServerResponse, firstLine: string, headers: unknown): void;
  end(this: ServerResponse, ...args: unknown[]): ServerResponse;
  write(this: ServerResponse, ...args: unknown[]): boolean;
  writeEarlyHints(this: unknown, hints: Readonly<Record<string, unknown>>): void;
}

const node = ServerResponse.prototype as unknown as Methods;

/**
 * Node's own ServerResponse, with one framing whatever the app says (chunks or one length or the end of the connection),
 * and with lengths that hold. What differs are own properties of each response, because Express puts another prototype
 * in the place of the class.
 */
export class M2ServerResponse extends ServerResponse {
  constructor(request: IncomingMessage, keepAlive: boolean) {
    super(request);
    const own = this as unknown as Record<string, unknown>;
    own._storeHeader = storeHeader;
    own.write = write;
    own.end = end;
    own.writeContinue = writeContinue;
    own.writeProcessing = writeProcessing;
    own.writeEarlyHints = writeEarlyHints;
    this.shouldKeepAlive = keepAlive;
    this.strictContentLength = true;
  }
}

function storeHeader(this: ServerResponse, firstLine: string, headers: unknown): void {
  const { socket } = this;
  if (socket instanceof RequestSocket && socket.isLast) this.shouldKeepAlive = false;
  node._storeHeader.call(this, firstLine, normaliseHead(this, headers));
}

function write(this: ServerResponse, ...args: unknown[]): boolean {
  try {
    return node.write.apply(this, args);
  } catch (error) {
    return cutShort(this, error, false);
  }
}

/** As Node's, in one message with what says that it is complete. */
function end(this: ServerResponse, ...args: unknown[]): ServerResponse {
  const { socket } = this;
  if (!(socket instanceof RequestSocket) || this.writableEnded) return node.end.apply(this, args);
  socket.beginEnd();
  try {
    node.end.apply(this, args);
  } catch (error) {
    cutShort(this, error, undefined);
  } finally {
    socket.finishEnd(this as AppResponse);
  }
  return this;
}

/**
 * A body that is not of the length that its head says. Node throws, which in a stream that is piped to the response would
 * end the process; here the response is cut short, so that the client can tell, and the app hears 'close'.
 */
function cutShort<T>(response: ServerResponse, error: unknown, result: T): T {
  const { socket } = response;
  if ((error as { code?: unknown }).code !== 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' || !(socket instanceof RequestSocket))
    throw error;
  socket.misframed(error as Error);
  return result;
}

/** Mongrel2 has sent 100 Continue before the request was here (protocol 6). */
function writeContinue(this: ServerResponse, callback?: () => void): void {
  callDone(callback);
}

function writeProcessing(this: ServerResponse, callback?: () => void): void {
  inform(this, 102, [], callback);
}

function writeEarlyHints(this: ServerResponse, hints: Readonly<Record<string, unknown>>, callback?: () => void): void {
  for (const name of Object.keys(hints ?? {})) {
    validateHeaderName(name);
    // Node 20 writes them as they are, line breaks and all.
    if (name !== 'link') validateHeaderValue(name, hints[name] as string);
  }
  let text = '';
  const catching = Object.create(this, {
    _writeRaw: {
      value: (head: string) => {
        text = head;
      },
    },
  });
  // The links are checked and joined by Node; only where they go is another way.
  node.writeEarlyHints.call(catching, hints);
  if (text !== '') inform(this, 103, headerLines(text), callback);
}

function headerLines(head: string): (readonly [string, string])[] {
  return head
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
}

function inform(
  response: ServerResponse,
  status: number,
  headers: readonly (readonly [string, string])[],
  callback: (() => void) | undefined,
): void {
  const { socket } = response;
  // Behind a final head it would be taken for a part of the body.
  if (socket instanceof RequestSocket && !response.headersSent) socket.inform(status, headers);
  callDone(callback);
}

function callDone(callback: unknown): void {
  if (typeof callback === 'function') process.nextTick(callback as () => void);
}

/** The response's 'finish': what Node's server does then. Hears of it before the app. */
export function finished(this: ServerResponse): void {
  const response = this as AppResponse;
  const socket = response.socket as RequestSocket | null;
  if (socket === null) return;
  socket.complete(response);
  const { req: request } = response;
  // Reading on what nobody has read or listens to would show nobody anything.
  if (!(request as unknown as RequestInternals)._consuming && isHeard(request)) {
    (request as unknown as RequestInternals)._dump();
  }
  socket._httpMessage = null;
  (response as { socket: unknown }).socket = null;
  process.nextTick(closed, response, socket);
}

const isHeard = (request: IncomingMessage): boolean =>
  request.listenerCount('end') > 0 ||
  request.listenerCount('close') > 0 ||
  request.listenerCount('data') > 0 ||
  request.listenerCount('readable') > 0;

interface RequestInternals {
  readonly _consuming: boolean;
  _dump(): void;
}

function closed(response: AppResponse, socket: RequestSocket): void {
  if (!response._closed) {
    response.destroyed = true;
    response._closed = true;
    response.emit('close');
  }
  socket.responseClosed();
}
