import { readFileSync } from 'node:fs';
import type { HeaderValue } from '../../src/wire/message.js';
import type { Field, HeaderProtocol } from '../../src/wire/server-side.js';

/** One captured message and what it holds. */
export interface Capture {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly protocol: HeaderProtocol;
  readonly kind: string;
  readonly server: string;
  readonly id: number;
  readonly path: string;
  readonly size: number;
  /** The keys that Mongrel2 writes around its table of headers. */
  readonly meta: readonly Field[];
  /** Mongrel2's table of headers: the client's, and a few of its own. */
  readonly table: readonly Field[];
  readonly body: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const here = new URL('./', import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', here), 'utf8')) as readonly Omit<Capture, 'bytes'>[];

/** Every capture, in the order of the file names. */
export const captures: readonly Capture[] = expected.map((entry) => ({
  ...entry,
  bytes: new Uint8Array(readFileSync(new URL(entry.file, here))),
}));

/** The one whose file name begins with `number`. Throws when there is none. */
export function capture(number: string): Capture {
  const found = captures.find(({ file }) => file.startsWith(`${number}-`));
  if (found === undefined) throw new Error(`no capture ${number}`);
  return found;
}

/** All of a capture's keys that begin with a capital letter, as an object. */
export const metaIn = ({ meta, table }: Capture): Record<string, HeaderValue> =>
  Object.fromEntries([...meta, ...table].filter(([name]) => /^[A-Z]/.test(name)));

/** The client's headers, sorted by name: the two writers differ in order, which means nothing. */
export const headersIn = ({ table }: Capture): Field[] =>
  table.filter(([name]) => !/^[A-Z]/.test(name)).sort(([a], [b]) => (a < b ? -1 : 1));
