/** One header's value: a text, or several in the order they came (at most five reach a handler, protocol 2.2). Latin1 characters, one a byte. */
export type HeaderValue = string | readonly string[];

/** What Mongrel2 itself says of a message: capital keys, which no client can forge (protocol 2.1). A null-prototype object. */
export type Meta = Readonly<Record<string, HeaderValue | undefined>>;

/** The client's headers, names in lower case as Mongrel2 makes them; never mixed with {@link Meta}. */
export type ClientHeaders = ReadonlyMap<string, HeaderValue>;

/** What every message has. */
export interface MessageBase {
  /** The server's `send_ident`, the message's first word. */
  readonly server: string;
  /** Connection id, 0 to 2^32 - 1, one per TCP connection of one Mongrel2 process. */
  readonly id: number;
  /** The third word, still percent-encoded. */
  readonly path: string;
  readonly meta: Meta;
  readonly headers: ClientHeaders;
  /** One of `headers` by its lower-case name, without building the map: for the hot path. */
  header(name: string): HeaderValue | undefined;
  /** How many header lines the message has, Mongrel2's own dozen included; what came under one name several times counts as often. */
  readonly headerLines: number;
  /** A new list of `headers`, names and values by turns; several values of one name are several pairs. Without building the map. */
  rawHeaders(): string[];
  /** The body's bytes. A view on the received message until {@link detach}. */
  readonly body: Uint8Array;
  /** Makes `body` a copy when it is a small view on a large buffer, so that what outlives its tick holds no more than it needs. */
  detach(): void;
  /** How many bytes the whole message had. */
  readonly size: number;
}

/** What requests made of HTTP have, WebSocket handshakes and frames included. */
export interface HttpFields {
  readonly method: string;
  /** Path and query as the client sent them, percent-encoded; equals `path` when Mongrel2 gave no URI. */
  readonly uri: string;
  /** After the `?`, raw; `undefined` without one, empty for a bare `?`. */
  readonly query: string | undefined;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  /** The route as configured. `path` can be shorter than it. */
  readonly pattern: string;
  readonly scheme: 'http' | 'https';
  readonly remoteAddress: string;
}

/** A part of a streamed upload that comes with its request's head (protocol 7.3), or the head of a stored one (7.2). */
export type UploadState =
  | { readonly type: 'stream'; readonly offset: number; readonly done: boolean }
  /** As the headers claim it: any client can forge them; nothing is to be opened before the checks of protocol 7.2. */
  | { readonly type: 'stored'; readonly start: HeaderValue; readonly done: HeaderValue | undefined };

/** An HTTP request. */
export interface HttpRequest extends MessageBase, HttpFields {
  readonly kind: 'http';
  readonly upload: UploadState | undefined;
  /** The connection's byte window, present on its first request when `download.flow_control` is on. */
  readonly downloadCredits: number | undefined;
}

/** A later part of a streamed upload of this connection; it has no METHOD. */
export interface UploadPart extends MessageBase {
  readonly kind: 'upload-part';
  readonly offset: number;
  readonly done: boolean;
}

/** A WebSocket handshake; the body is the ready `Sec-WebSocket-Accept` value. */
export interface WebSocketHandshake extends MessageBase, HttpFields {
  readonly kind: 'websocket-handshake';
  readonly accept: string;
  readonly downloadCredits: number | undefined;
}

/** A WebSocket message or control frame, unmasked and joined. */
export interface WebSocketMessage extends MessageBase, HttpFields {
  readonly kind: 'websocket';
  /** First byte of the frame, FIN forced on. RSV bits and reserved opcodes get through: validate. */
  readonly flags: number;
  /** Low four bits of `flags`. */
  readonly opcode: number;
}

/** A message of a JSON or XML socket (protocol 10). */
export interface SocketMessage extends MessageBase {
  readonly kind: 'json-socket' | 'xml-socket';
  readonly pattern: string;
  readonly remoteAddress: string;
}

/** The client went away. Best effort: it may come twice, or never. Never answer it. */
export interface DisconnectNotice extends MessageBase {
  readonly kind: 'disconnect';
}

/** Mongrel2 wrote `credits` more bytes to the client (flow control on). */
export interface CreditsNotice extends MessageBase {
  readonly kind: 'credits';
  readonly credits: number;
}

/** A notice of a type that m2 does not know; ignore it. */
export interface UnknownNotice extends MessageBase {
  readonly kind: 'unknown-notice';
  readonly type: string;
}

/** Every message that Mongrel2 sends, told apart by `kind`. */
export type M2Request =
  | HttpRequest
  | UploadPart
  | WebSocketHandshake
  | WebSocketMessage
  | SocketMessage
  | DisconnectNotice
  | CreditsNotice
  | UnknownNotice;
