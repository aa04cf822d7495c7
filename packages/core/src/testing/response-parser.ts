import { concatBytes, latin1Slice, utf8Slice } from '#platform';

/** One header line, the name as it was sent. */
export type HeaderLine = readonly [name: string, value: string];

/** A status line and header lines. */
export interface ParsedHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly HeaderLine[];
}

/** What a response answers. */
export interface Asked {
  readonly method: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
}

/** How a response said where its body ends. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

/** One HTTP response as a strict client understood it. */
export class ParsedResponse implements ParsedHead {
  constructor(
    private readonly head: ParsedHead,
    /** 1xx heads that came before it. */
    readonly interim: readonly ParsedHead[],
    readonly framing: BodyFraming,
    /** De-chunked. */
    readonly body: Uint8Array,
    readonly trailers: readonly HeaderLine[],
  ) {}

  get status(): number {
    return this.head.status;
  }

  get reason(): string {
    return this.head.reason;
  }

  get headers(): readonly HeaderLine[] {
    return this.head.headers;
  }

  /** The body as UTF-8 text. */
  get text(): string {
    return utf8Slice(this.body, 0, this.body.length);
  }

  /** Every value of a header, in order. */
  all(name: string): string[] {
    return valuesOf(this.head, name);
  }

  /** A header's first value. */
  header(name: string): string | undefined {
    return this.all(name)[0];
  }
}

/** The bytes are not an HTTP response, or not one that this request can have. */
export class ResponseSyntaxError extends Error {
  override readonly name = 'ResponseSyntaxError';
}

/** Not a Buffer, so that a test can compare it with what it sent. */
export const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

const valuesOf = (head: ParsedHead, name: string): string[] =>
  head.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const EMPTY = new Uint8Array(0);

function parseHeaderLine(line: string): HeaderLine {
  const match = HEADER_LINE.exec(line);
  if (match === null) throw new ResponseSyntaxError(`${JSON.stringify(line)} is no header line`);
  return [match[1] ?? '', (match[2] ?? '').trimEnd()];
}

function parseHead(text: string): ParsedHead {
  const [first = '', ...lines] = text.split('\r\n');
  const match = STATUS_LINE.exec(first);
  if (match === null) throw new ResponseSyntaxError(`${JSON.stringify(first)} is no status line`);
  return { status: Number(match[1]), reason: match[2] ?? '', headers: lines.map(parseHeaderLine) };
}

/** RFC 9112 6.3, refusing whatever two readers could understand differently. */
function framingOf(head: ParsedHead, { method, version }: Asked): { framing: BodyFraming; length: number } {
  const lengths = valuesOf(head, 'content-length');
  const codings = valuesOf(head, 'transfer-encoding');
  if (lengths.length > 1) throw new ResponseSyntaxError('several Content-Length lines');
  if (codings.length > 0 && (lengths.length > 0 || codings.length > 1 || codings[0] !== 'chunked')) {
    throw new ResponseSyntaxError('Transfer-Encoding that is not one "chunked" without Content-Length');
  }
  if (codings.length > 0 && version === 'HTTP/1.0') throw new ResponseSyntaxError('chunked, to a client of HTTP/1.0');
  const length = Number(lengths[0] ?? '0');
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0] ?? '')) throw new ResponseSyntaxError(`Content-Length ${lengths[0]}`);
  if (head.status === 204 && lengths.length + codings.length > 0) throw new ResponseSyntaxError('204 with a framing header');
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { framing: 'none', length: 0 };
  if (codings.length > 0) return { framing: 'chunked', length: 0 };
  return { framing: lengths.length > 0 ? 'length' : 'close', length };
}

/**
 * Reads the responses of one connection, byte by byte if need be, and refuses whatever is not exactly right: lines end in
 * CRLF, a response has one framing, chunks have plain sizes, nothing comes that no request asked for. Throws
 * {@link ResponseSyntaxError}.
 */
export class ResponseParser {
  /** After a 101, or on a connection that never spoke HTTP: what came, as it is. */
  readonly raw: Uint8Array[] = [];
  private state: 'head' | 'length' | 'close' | 'size' | 'data' | 'data-end' | 'trailers' | 'raw' = 'head';
  private rest: Uint8Array = EMPTY;
  private head: ParsedHead | undefined;
  private interim: ParsedHead[] = [];
  private body: Uint8Array[] = [];
  private trailers: HeaderLine[] = [];
  private left = 0;

  /**
   * @param asked the requests not yet answered, oldest first; a final head takes one.
   * @param done called with each complete response.
   */
  constructor(
    private readonly asked: Asked[],
    private readonly done: (response: ParsedResponse) => void,
  ) {}

  /** From here on there is no HTTP. */
  becomeRaw(): void {
    this.state = 'raw';
  }

  /** Nothing is under way: the connection may close without cutting anything short. */
  get atRest(): boolean {
    return this.state === 'raw' || (this.state === 'head' && this.rest.length === 0 && this.interim.length === 0);
  }

  push(bytes: Uint8Array): void {
    let data = this.rest.length === 0 ? bytes : concatBytes([this.rest, bytes]);
    this.rest = EMPTY;
    while (data.length > 0) {
      const used = this.step(data);
      if (used === 0) {
        this.rest = data;
        return;
      }
      data = data.subarray(used);
    }
  }

  /** The connection closed: the end of a body that goes by closing. Throws when something was cut short. */
  end(): void {
    if (this.state === 'close') this.finish('close');
    else if (!this.atRest) throw new ResponseSyntaxError(`the connection closed within a response (${this.describe()})`);
  }

  private describe(): string {
    const size = this.body.reduce((sum, part) => sum + part.length, 0);
    return this.head === undefined ? 'in its head' : `status ${this.head.status}, after ${size} bytes of its body`;
  }

  /** Takes what it can of `data`; 0 when it needs more. */
  private step(data: Uint8Array): number {
    switch (this.state) {
      case 'raw':
        this.raw.push(data);
        return data.length;
      case 'close':
        this.body.push(data);
        return data.length;
      case 'length':
      case 'data':
        return this.takeBody(data);
      case 'head':
        return this.takeHead(data);
      default:
        return this.takeLine(data);
    }
  }

  private takeHead(data: Uint8Array): number {
    const text = latin1Slice(data, 0, data.length);
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = parseHead(text.slice(0, end));
    if (head.status < 200 && head.status !== 101) {
      if (this.asked[0]?.version !== 'HTTP/1.1')
        throw new ResponseSyntaxError(`status ${head.status}, to nobody who can read it`);
      this.interim.push(head);
      return end + 4;
    }
    const asked = this.asked.shift();
    if (asked === undefined) throw new ResponseSyntaxError(`status ${head.status} came, but every request was answered`);
    this.head = head;
    if (head.status === 101) {
      this.finish('none');
      this.state = 'raw';
      return end + 4;
    }
    const { framing, length } = framingOf(head, asked);
    this.left = length;
    if (framing === 'none' || (framing === 'length' && length === 0)) this.finish(framing);
    else this.state = framing === 'chunked' ? 'size' : framing;
    return end + 4;
  }

  private takeBody(data: Uint8Array): number {
    const part = data.subarray(0, this.left);
    this.body.push(part);
    this.left -= part.length;
    if (this.left === 0) {
      if (this.state === 'length') this.finish('length');
      else this.state = 'data-end';
    }
    return part.length;
  }

  private takeLine(data: Uint8Array): number {
    const text = latin1Slice(data, 0, Math.min(data.length, 4096));
    const end = text.indexOf('\r\n');
    if (end < 0) {
      if (this.state === 'data-end' && data.length >= 2) throw new ResponseSyntaxError('a chunk is longer than its size says');
      if (text.length === 4096) throw new ResponseSyntaxError('a line of 4096 bytes within a chunked body');
      return 0;
    }
    const line = text.slice(0, end);
    if (this.state === 'data-end') {
      if (line !== '') throw new ResponseSyntaxError('a chunk is longer than its size says');
      this.state = 'size';
    } else if (this.state === 'size') {
      if (!/^[0-9a-fA-F]{1,12}$/.test(line)) throw new ResponseSyntaxError(`${JSON.stringify(line)} is no chunk size`);
      this.left = Number.parseInt(line, 16);
      this.state = this.left === 0 ? 'trailers' : 'data';
    } else if (line === '') this.finish('chunked');
    else this.trailers.push(parseHeaderLine(line));
    return end + 2;
  }

  private finish(framing: BodyFraming): void {
    const { head, interim, body, trailers } = this;
    this.state = 'head';
    this.head = undefined;
    this.interim = [];
    this.body = [];
    this.trailers = [];
    if (head !== undefined) this.done(new ParsedResponse(head, interim, framing, plain(concatBytes(body)), trailers));
  }
}
