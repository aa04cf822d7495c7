import { concatBytes, latin1Bytes } from '#platform';
import { M2Error } from '../errors.js';
import type { HeaderValue } from './message.js';

/** How a handler's headers are written: its `protocol` in Mongrel2's configuration. */
export type HeaderProtocol = 'json' | 'tnetstring';

/** One header, or one of Mongrel2's own keys. */
export type Field = readonly [name: string, value: HeaderValue];

/** A request as Mongrel2's side writes it. All texts are latin1, one character a byte. */
export interface RequestFields {
  /** send_ident. */
  readonly server: string;
  /** 0 to 2^32 - 1. */
  readonly id: number;
  /** The third word, and PATH. */
  readonly path: string;
  /**
   * Mongrel2's own keys, in any order: they are written in Mongrel2's. PATH is added by itself when there is a METHOD; a
   * later part of a streamed upload has neither.
   */
  readonly meta: readonly Field[];
  /**
   * The client's headers, names in lower case, in the order to write. Mongrel2 keeps FLAGS, UPLOAD_STREAM and the
   * like in the same table, so they may stand here too, where their place matters; in `meta` they come first.
   */
  readonly headers: readonly Field[];
  readonly body: Uint8Array;
}

// Keys that Mongrel2 writes after the client's headers, in the order of its two writers (protocol 2).
const JSON_TAIL = ['METHOD', 'VERSION', 'URI', 'QUERY', 'FRAGMENT', 'PATTERN', 'URL_SCHEME', 'REMOTE_ADDR'];
const TNETSTRING_TAIL = ['PATH', 'VERSION', 'URI', 'QUERY', 'FRAGMENT', 'PATTERN', 'URL_SCHEME', 'METHOD', 'REMOTE_ADDR'];

const flatten = (value: HeaderValue): HeaderValue | undefined =>
  typeof value === 'string' ? value : value.length > 1 ? value : value[0];

/** All pairs in the order of one of the writers; lists of one become their value, empty lists vanish, as in Mongrel2. */
function orderFields(fields: RequestFields, protocol: HeaderProtocol): Field[] {
  const meta = new Map(fields.meta);
  if (meta.has('METHOD') && !meta.has('PATH')) meta.set('PATH', fields.path);
  const tail = protocol === 'json' ? JSON_TAIL : TNETSTRING_TAIL;
  const pairs: Field[] = [];
  const add = (name: string, value: HeaderValue | undefined) => {
    const content = value === undefined ? undefined : flatten(value);
    if (content !== undefined) pairs.push([name, content]);
  };
  if (protocol === 'json') add('PATH', meta.get('PATH'));
  for (const [name, value] of meta) if (name !== 'PATH' && !tail.includes(name)) add(name, value);
  for (const [name, value] of fields.headers) add(name, value);
  for (const name of tail) add(name, meta.get(name));
  return protocol === 'json' ? pairs : pairs.reverse();
}

// Only these two are escaped (request.c:357): control bytes and bytes above 7F go out raw.
const jsonString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

function jsonBlock(pairs: readonly Field[]): string {
  // PATH is the one value that the writer does not escape at all.
  const values = pairs.map(([name, value]) => {
    if (typeof value !== 'string') return `"${name}":[${value.map(jsonString).join(',')}]`;
    return name === 'PATH' ? `"PATH":"${value}"` : `"${name}":${jsonString(value)}`;
  });
  return `{${values.join(',')}}`;
}

const netstring = (text: string): string => `${text.length}:${text},`;

function tnetstringBlock(pairs: readonly Field[]): string {
  let text = '';
  for (const [name, value] of pairs) {
    const list = typeof value === 'string' ? undefined : value.map(netstring).join('');
    text += netstring(name) + (list === undefined ? netstring(value as string) : `${list.length}:${list}]`);
  }
  return text;
}

const cannot = (why: string, details: Readonly<Record<string, unknown>>): M2Error =>
  new M2Error('M2_BAD_MESSAGE', `A message to a handler cannot be made: ${why}.`, { details });

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNWRITABLE = /[\x00-\x20"\\\x7f]/;

function checkWords(server: string, id: number, path: string): void {
  if (!/^[A-Za-z0-9-]+$/.test(server)) throw cannot('send_ident has letters, digits and "-" only', { server });
  if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff)
    throw cannot('the connection id is not an integer from 0 to 4294967295', { id });
  if (path === '' || UNWRITABLE.test(path))
    throw cannot('the path is empty or has blanks, quotes or control characters', { path });
}

/** Mongrel2 prints ids with `%d` where it writes JSON, so that they turn negative from 2^31 on. */
const printId = (id: number, signed: boolean): string => String(signed ? id | 0 : id);

/**
 * One request, upload part, WebSocket or socket message, byte for byte as Mongrel2 writes it for a handler with this
 * `protocol`. Throws `M2_BAD_MESSAGE` for what Mongrel2 could not have written: a server with other characters than
 * letters, digits and `-`, a path with blanks, an id beyond 32 bits, characters above U+00FF.
 */
export function encodeRequest(fields: RequestFields, protocol: HeaderProtocol): Uint8Array {
  const { server, id, path, body } = fields;
  checkWords(server, id, path);
  const pairs = orderFields(fields, protocol);
  // The writer does not escape names: Mongrel2's parser lets none through that would need it.
  for (const [name] of pairs) {
    if (name === '' || UNWRITABLE.test(name)) throw cannot(`no header has the name ${JSON.stringify(name)}`, { name });
  }
  const block = protocol === 'json' ? jsonBlock(pairs) : tnetstringBlock(pairs);
  const tag = protocol === 'json' ? ',' : '}';
  const head = `${server} ${printId(id, protocol === 'json')} ${path} ${block.length}:${block}${tag}${body.length}:`;
  if (/[\u0100-\uffff]/.test(head)) throw cannot('a text has characters above U+00FF', { server, id });
  return concatBytes([latin1Bytes(head), body, latin1Bytes(',')]);
}

/** What a notice says: the client left, or so many bytes went to it (protocol 3 and 8). */
export type Notice = 'disconnect' | { readonly credits: number };

/**
 * A notice, byte for byte as Mongrel2 writes it. Throws `M2_BAD_MESSAGE` for a server or an id as {@link encodeRequest}
 * does, and for credits that are not an integer from 0 to 2^31 - 1.
 */
export function encodeNotice(server: string, id: number, notice: Notice, protocol: HeaderProtocol): Uint8Array {
  checkWords(server, id, '@*');
  const json = protocol === 'json';
  let headers = json ? '{"METHOD":"JSON"}' : '6:METHOD,4:JSON,';
  let body = '{"type":"disconnect"}';
  if (notice !== 'disconnect') {
    const { credits } = notice;
    if (!Number.isInteger(credits) || credits < 0 || credits > 0x7fff_ffff)
      throw cannot('credits are an integer from 0 to 2147483647', { credits });
    const digits = String(credits);
    headers = json
      ? `{"METHOD":"JSON","DOWNLOAD_CREDITS":"${digits}"}`
      : `16:DOWNLOAD_CREDITS,${netstring(digits)}6:METHOD,4:JSON,`;
    body = '{"type":"credits"}';
  }
  return latin1Bytes(`${server} ${printId(id, true)} @* ${headers.length}:${headers}${json ? ',' : '}'}${netstring(body)}`);
}
