import type { ByteReader } from './byte-reader.js';

/** The head of a response, as it came. */
export interface ResponseHead {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A whole response, parsed strictly: whatever a lenient client would guess is an error here. */
export interface RawResponse extends ResponseHead {
  /** How the end of the body was told. */
  readonly framing: 'length' | 'chunked' | 'close' | 'none';
  /** The body; empty when it was given to a sink. */
  readonly body: Buffer;
  /** Sizes of the chunks of a chunked body. */
  readonly chunks: readonly number[];
  /** Headers that came after a chunked body. */
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** 1xx heads that came before it. */
  readonly interim: readonly ResponseHead[];
  /** The one value of a header; undefined without it. Throws when there are several. */
  header(name: string): string | undefined;
  /** Every value of a header. */
  all(name: string): string[];
  /** The body as UTF-8 text. */
  text(): string;
}

/** How to read one response. */
export interface ReadOptions {
  /** The request's method: an answer to HEAD has no body. Default `GET`. */
  readonly method?: string;
  /** Takes the body's bytes instead of `body`. */
  readonly sink?: (bytes: Buffer) => void;
  /** Called with the head of the final response as soon as it came, whatever becomes of its body. */
  readonly onHead?: (head: ResponseHead) => void;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const values = (head: ResponseHead, name: string): string[] =>
  head.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

function single(head: ResponseHead, name: string): string | undefined {
  const all = values(head, name);
  if (all.length > 1) throw new Error(`The response has ${all.length} ${name} headers: ${JSON.stringify(all)}.`);
  return all[0];
}

/** Reads the next head; undefined when the connection ended cleanly before it. */
async function readHead(reader: ByteReader): Promise<ResponseHead | undefined> {
  const statusLine = await reader.line();
  if (statusLine === undefined) return undefined;
  const match = /^(HTTP\/1\.[01]) ([1-9]\d\d) ([\t -~\x80-\xff]*)$/.exec(statusLine);
  if (match === null) throw new Error(`Not a status line: ${JSON.stringify(statusLine)}.`);
  const headers = await readFields(reader, 'a response head');
  return { version: match[1] ?? '', status: Number(match[2]), reason: match[3] ?? '', headers };
}

/** Header lines up to the empty one. */
async function readFields(reader: ByteReader, where: string): Promise<[string, string][]> {
  const headers: [string, string][] = [];
  for (;;) {
    const line = await reader.line();
    if (line === undefined) throw new Error(`The connection ended within ${where}.`);
    if (line === '') return headers;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!TOKEN.test(name)) throw new Error(`Not a header line: ${JSON.stringify(line)}.`);
    headers.push([name, line.slice(colon + 1).trim()]);
  }
}

function framingOf(head: ResponseHead, method: string): { framing: RawResponse['framing']; length: number } {
  const length = single(head, 'content-length');
  const encoding = single(head, 'transfer-encoding');
  if (length !== undefined && !/^\d+$/.test(length)) throw new Error(`Not a Content-Length: ${JSON.stringify(length)}.`);
  if (encoding !== undefined && encoding !== 'chunked') throw new Error(`Not a Transfer-Encoding: ${JSON.stringify(encoding)}.`);
  if (length !== undefined && encoding !== undefined)
    throw new Error('The response has both Content-Length and Transfer-Encoding.');
  const bodiless = head.status === 204 || head.status === 304;
  if (bodiless && (encoding !== undefined || (head.status === 204 && length !== undefined))) {
    throw new Error(`A response ${head.status} announces a body.`);
  }
  if (bodiless || method === 'HEAD') return { framing: 'none', length: 0 };
  if (encoding !== undefined) return { framing: 'chunked', length: 0 };
  return length === undefined ? { framing: 'close', length: 0 } : { framing: 'length', length: Number(length) };
}

async function readChunked(reader: ByteReader, sink: (bytes: Buffer) => void): Promise<Pick<RawResponse, 'chunks' | 'trailers'>> {
  const chunks: number[] = [];
  for (;;) {
    const line = await reader.line();
    if (line === undefined || !/^[0-9a-fA-F]{1,8}$/.test(line)) throw new Error(`Not a chunk size: ${JSON.stringify(line)}.`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return { chunks, trailers: await readFields(reader, 'the trailers') };
    await reader.exactly(size, sink);
    chunks.push(size);
    const end = await reader.line();
    if (end !== '') throw new Error(`After a chunk came ${JSON.stringify(end)}.`);
  }
}

/** Reads the next whole response; undefined when the connection ended cleanly before it. */
export async function readResponse(reader: ByteReader, options: ReadOptions = {}): Promise<RawResponse | undefined> {
  const interim: ResponseHead[] = [];
  let head = await readHead(reader);
  for (; head !== undefined && head.status < 200 && head.status !== 101; head = await readHead(reader)) interim.push(head);
  if (head === undefined) {
    if (interim.length > 0) throw new Error('The connection ended after an interim response.');
    return undefined;
  }
  options.onHead?.(head);
  const parts: Buffer[] = [];
  const sink = options.sink ?? ((bytes: Buffer) => void parts.push(bytes));
  const { framing, length } = framingOf(head, options.method ?? 'GET');
  let chunked: Pick<RawResponse, 'chunks' | 'trailers'> = { chunks: [], trailers: [] };
  if (framing === 'length') await reader.exactly(length, sink);
  else if (framing === 'chunked') chunked = await readChunked(reader, sink);
  else if (framing === 'close')
    for (let bytes = await reader.some(); bytes !== undefined; bytes = await reader.some()) sink(bytes);
  const body = Buffer.concat(parts);
  const final = head;
  return {
    ...final,
    framing,
    body,
    ...chunked,
    interim,
    header: (name) => single(final, name.toLowerCase()),
    all: (name) => values(final, name.toLowerCase()),
    text: () => body.toString('utf8'),
  };
}
