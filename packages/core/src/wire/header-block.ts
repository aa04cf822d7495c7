import type { ClientHeaders, HeaderValue, Meta } from './message.js';
import { tnetstringFrame } from './tnetstring.js';

const COMMA = 0x2c;
const BRACKET = 0x5d;

/** A header block as parsed: Mongrel2's keys and the client's in one object, told apart by their first letter only. */
export type RawFields = Readonly<Record<string, HeaderValue | undefined>>;

/** Why a block was refused. `at` is a character of the block. */
export interface HeaderBlockFault {
  readonly fault: 'syntax' | 'value' | 'count';
  readonly at?: number;
  readonly expected: string;
}

/** The fields and how many lines they had (a name with several values has several), or why not. */
export type HeaderBlock = { readonly fields: RawFields; readonly lines: number } | HeaderBlockFault;

const isListOfStrings = (value: unknown): boolean => {
  if (!Array.isArray(value)) return false;
  for (const item of value as unknown[]) if (typeof item !== 'string') return false;
  return true;
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const CONTROL = /[\x00-\x1f]/g;

/**
 * Mongrel2's JSON writer escapes only `"` and `\` (request.c:357), so a client can put raw control bytes into a
 * value, which JSON forbids (protocol 2.2).
 */
const escapeControls = (text: string): string =>
  text.replace(CONTROL, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Parses a JSON header block, latin1 text. At most `maxCount` names; values are strings or lists of strings. Never
 * throws.
 */
export function parseJsonBlock(text: string, maxCount: number): HeaderBlock {
  const parsed = parseObject(text) ?? parseObject(escapeControls(text));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { fault: 'syntax', expected: 'a JSON object of headers' };
  }
  let count = 0;
  let lines = 0;
  for (const name in parsed) {
    const value = (parsed as Record<string, unknown>)[name];
    if (typeof value !== 'string' && !isListOfStrings(value)) {
      return { fault: 'value', expected: `a string or a list of strings for the header ${JSON.stringify(name.slice(0, 80))}` };
    }
    count++;
    lines += typeof value === 'string' ? 1 : (value as readonly string[]).length;
  }
  if (count > maxCount) return { fault: 'count', expected: `at most ${maxCount} headers` };
  return { fields: parsed as RawFields, lines };
}

function parseStringList(text: string, start: number, end: number): string[] | undefined {
  const list: string[] = [];
  for (let at = start; at < end; ) {
    const item = tnetstringFrame(text, at, end);
    if (item === undefined || item.tag !== COMMA) return undefined;
    list.push(text.slice(item.start, item.end));
    at = item.end + 1;
  }
  return list;
}

const badPair = (at: number, expected: string): HeaderBlockFault => ({ fault: 'syntax', at, expected });

/**
 * Parses the inside of a tnetstring dict of headers, latin1 text. Of the same name twice the last counts, as in JSON.
 * Never throws.
 */
export function parseTnetstringBlock(text: string, maxCount: number): HeaderBlock {
  const fields: Record<string, HeaderValue> = Object.create(null);
  const limit = text.length;
  let count = 0;
  let lines = 0;
  for (let at = 0; at < limit; ) {
    const key = tnetstringFrame(text, at, limit);
    if (key === undefined || key.tag !== COMMA) return badPair(at, 'the name of a header, a tnetstring string');
    const value = tnetstringFrame(text, key.end + 1, limit);
    if (value === undefined) return badPair(key.end + 1, 'the value of a header, a tnetstring');
    const content =
      value.tag === COMMA
        ? text.slice(value.start, value.end)
        : value.tag === BRACKET
          ? parseStringList(text, value.start, value.end)
          : undefined;
    if (content === undefined) return badPair(value.start, 'a string or a list of strings as value of a header');
    if (++count > maxCount) return { fault: 'count', at, expected: `at most ${maxCount} headers` };
    lines += typeof content === 'string' ? 1 : content.length;
    fields[text.slice(key.start, key.end)] = content;
    at = value.end + 1;
  }
  return { fields, lines };
}

const isMetaName = (name: string): boolean => {
  const first = name.charCodeAt(0);
  return first >= 0x41 && first <= 0x5a;
};

/** Mongrel2's own keys: those that begin with a capital letter, since a client's are lower-cased (protocol 2.1). */
export function metaOf(fields: RawFields): Meta {
  const meta: Record<string, HeaderValue | undefined> = Object.create(null);
  for (const name in fields) if (isMetaName(name)) meta[name] = fields[name];
  return meta;
}

/** The client's headers: all that {@link metaOf} leaves. */
export function clientHeadersOf(fields: RawFields): ClientHeaders {
  const headers = new Map<string, HeaderValue>();
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined && !isMetaName(name)) headers.set(name, value);
  }
  return headers;
}

/** The client's headers as names and values by turns, several values of one name as several pairs. */
export function clientHeaderLinesOf(fields: RawFields): string[] {
  const lines: string[] = [];
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined || isMetaName(name)) continue;
    if (typeof value === 'string') lines.push(name, value);
    else for (const one of value) lines.push(name, one);
  }
  return lines;
}

/** One of the client's headers, without building the map. Names of Object.prototype are no headers. */
export const clientHeaderOf = (fields: RawFields, name: string): HeaderValue | undefined =>
  !isMetaName(name) && Object.hasOwn(fields, name) ? fields[name] : undefined;
