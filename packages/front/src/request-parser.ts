import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';

/** What is done with what `node:http` reads from one client. */
export interface StreamOwner {
  /** More bytes are wanted from the client. */
  wantsMore(): void;
  /** A head was read; its body follows. `finish` is called once the body was read, in the order of the requests. */
  requested(parsed: IncomingMessage, finish: () => void): void;
  /** A head with an Upgrade header was read; `rest` is what came behind it, which node:http did not look at. */
  upgraded(parsed: IncomingMessage, rest: Uint8Array): void;
  /** A CONNECT request was read. */
  connected(): void;
  /** The bytes are not what node:http lets through. */
  malformed(error: ParseError): void;
}

/** What `node:http` says of bytes that it does not take. */
export interface ParseError extends NodeJS.ErrnoException {
  /** The bytes that it was given, and how many of them were good. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * One client's bytes on their way to `node:http`. Handlers' replies are raw bytes for the client's own socket, which therefore never
 * meets node:http: it sees this stream instead, and what it writes to it (heads of empty responses) goes nowhere.
 */
export class RequestStream extends Duplex {
  constructor(readonly owner: StreamOwner) {
    super();
    // Destroying it in the middle of a body is an everyday event; node:http tells its request.
    this.on('error', () => {});
  }

  override _read(): void {
    this.owner.wantsMore();
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, callback: () => void): void {
    callback();
  }
}

const ownerOf = (stream: unknown): StreamOwner => (stream as RequestStream).owner;

/** An HTTP server that never listens: it parses the streams that it is given. */
export class RequestParser {
  private readonly server: Server;

  /** `headBytes` is the longest head of a request. */
  constructor(headBytes: number) {
    this.server = new Server({
      maxHeaderSize: headBytes,
      requireHostHeader: false,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 0,
    });
    // Bounded by the size of the head; by default the headers after the 1,000th would vanish.
    this.server.maxHeadersCount = 0;
    const requested = (parsed: IncomingMessage, response: ServerResponse) =>
      ownerOf(parsed.socket).requested(parsed, () => void finish(response));
    this.server.on('request', requested);
    this.server.on('checkExpectation', requested);
    this.server.on('checkContinue', (parsed: IncomingMessage, response: ServerResponse) => {
      // Without it node:http would not go on to the next request.
      response.writeContinue();
      requested(parsed, response);
    });
    this.server.on('upgrade', (parsed, stream, rest) => ownerOf(stream).upgraded(parsed, rest));
    this.server.on('connect', (_parsed, stream) => ownerOf(stream).connected());
    this.server.on('clientError', (error, stream) => ownerOf(stream).malformed(error));
  }

  /** Parses what is pushed into the stream from now on. */
  adopt(stream: RequestStream): void {
    this.server.emit('connection', stream);
  }
}

/** Ends the response that node:http expects, which makes it forget the request; the bytes go to `_write` and nowhere. */
function finish(response: ServerResponse): void {
  // "keep-alive" whatever the client wanted: Mongrel2 leaves it to the handler to close.
  response.writeHead(200, ['Connection', 'keep-alive', 'Content-Length', '0']);
  response.end();
}
