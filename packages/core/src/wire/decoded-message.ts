// The classes behind M2Request. Headers stay in the one object that the parser made until someone asks for them.
import { clientHeaderLinesOf, clientHeaderOf, clientHeadersOf, metaOf, type RawFields } from './header-block.js';
import type {
  ClientHeaders,
  CreditsNotice,
  DisconnectNotice,
  HeaderValue,
  HttpRequest,
  MessageBase,
  Meta,
  SocketMessage,
  UnknownNotice,
  UploadPart,
  UploadState,
  WebSocketHandshake,
  WebSocketMessage,
} from './message.js';

/** What every message is made from. */
export interface MessageParts {
  readonly server: string;
  readonly id: number;
  readonly path: string;
  readonly fields: RawFields;
  readonly headerLines: number;
  readonly body: Uint8Array;
  readonly size: number;
}

/** What requests made of HTTP have besides, already checked. */
export interface HttpParts extends MessageParts {
  readonly method: string;
  readonly uri: string;
  readonly query: string | undefined;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  readonly pattern: string;
  readonly scheme: 'http' | 'https';
  readonly remoteAddress: string;
}

class DecodedMessage implements MessageBase {
  readonly server: string;
  readonly id: number;
  readonly path: string;
  // Read-only to all but detach().
  body: Uint8Array;
  readonly size: number;
  readonly headerLines: number;
  readonly #fields: RawFields;
  #meta: Meta | undefined;
  #headers: ClientHeaders | undefined;

  constructor(parts: MessageParts) {
    this.server = parts.server;
    this.id = parts.id;
    this.path = parts.path;
    this.body = parts.body;
    this.size = parts.size;
    this.headerLines = parts.headerLines;
    this.#fields = parts.fields;
  }

  get meta(): Meta {
    this.#meta ??= metaOf(this.#fields);
    return this.#meta;
  }

  get headers(): ClientHeaders {
    this.#headers ??= clientHeadersOf(this.#fields);
    return this.#headers;
  }

  header(name: string): HeaderValue | undefined {
    return clientHeaderOf(this.#fields, name);
  }

  rawHeaders(): string[] {
    return clientHeaderLinesOf(this.#fields);
  }

  detach(): void {
    const { body } = this;
    // A new Uint8Array, since slice() of a Buffer is a view again.
    if (body.buffer.byteLength > 2 * body.length) this.body = new Uint8Array(body);
  }
}

class DecodedHttp extends DecodedMessage {
  readonly method: string;
  readonly uri: string;
  readonly query: string | undefined;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  readonly pattern: string;
  readonly scheme: 'http' | 'https';
  readonly remoteAddress: string;

  constructor(parts: HttpParts) {
    super(parts);
    this.method = parts.method;
    this.uri = parts.uri;
    this.query = parts.query;
    this.version = parts.version;
    this.pattern = parts.pattern;
    this.scheme = parts.scheme;
    this.remoteAddress = parts.remoteAddress;
  }
}

/** An HTTP request as decoded. */
export class DecodedHttpRequest extends DecodedHttp implements HttpRequest {
  readonly kind = 'http';
  readonly upload: UploadState | undefined;
  readonly downloadCredits: number | undefined;

  constructor(parts: HttpParts, upload: UploadState | undefined, downloadCredits: number | undefined) {
    super(parts);
    this.upload = upload;
    this.downloadCredits = downloadCredits;
  }
}

/** A WebSocket handshake as decoded. */
export class DecodedHandshake extends DecodedHttp implements WebSocketHandshake {
  readonly kind = 'websocket-handshake';
  readonly accept: string;
  readonly downloadCredits: number | undefined;

  constructor(parts: HttpParts, accept: string, downloadCredits: number | undefined) {
    super(parts);
    this.accept = accept;
    this.downloadCredits = downloadCredits;
  }
}

/** A WebSocket message as decoded. */
export class DecodedFrame extends DecodedHttp implements WebSocketMessage {
  readonly kind = 'websocket';
  readonly flags: number;
  readonly opcode: number;

  constructor(parts: HttpParts, flags: number) {
    super(parts);
    this.flags = flags;
    this.opcode = flags & 0x0f;
  }
}

/** A later part of a streamed upload as decoded. */
export class DecodedUploadPart extends DecodedMessage implements UploadPart {
  readonly kind = 'upload-part';
  readonly offset: number;
  readonly done: boolean;

  constructor(parts: MessageParts, offset: number, done: boolean) {
    super(parts);
    this.offset = offset;
    this.done = done;
  }
}

/** A JSON or XML socket's message as decoded. */
export class DecodedSocketMessage extends DecodedMessage implements SocketMessage {
  readonly kind: 'json-socket' | 'xml-socket';
  readonly pattern: string;
  readonly remoteAddress: string;

  constructor(parts: MessageParts, kind: 'json-socket' | 'xml-socket', pattern: string, remoteAddress: string) {
    super(parts);
    this.kind = kind;
    this.pattern = pattern;
    this.remoteAddress = remoteAddress;
  }
}

/** A disconnect notice as decoded. */
export class DecodedDisconnect extends DecodedMessage implements DisconnectNotice {
  readonly kind = 'disconnect';
}

/** A credits notice as decoded. */
export class DecodedCredits extends DecodedMessage implements CreditsNotice {
  readonly kind = 'credits';
  readonly credits: number;

  constructor(parts: MessageParts, credits: number) {
    super(parts);
    this.credits = credits;
  }
}

/** A notice of another type as decoded. */
export class DecodedUnknownNotice extends DecodedMessage implements UnknownNotice {
  readonly kind = 'unknown-notice';
  readonly type: string;

  constructor(parts: MessageParts, type: string) {
    super(parts);
    this.type = type;
  }
}
