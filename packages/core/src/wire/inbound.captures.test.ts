import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Capture, captures, headersIn, metaIn } from '../../test/captures/captures.js';
import { M2Error } from '../errors.js';
import { decodeMessage } from './inbound.js';
import type { M2Request } from './message.js';
import { decodeReply, encodeNotice, encodeRequest } from './server-side.js';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function decoded(bytes: Uint8Array): M2Request {
  const message = decodeMessage(bytes);
  if (message instanceof M2Error) throw message;
  return message;
}

/** Everything of a message that is not common to all kinds. */
function ownFields(message: M2Request): Record<string, unknown> {
  const { server, id, path, body, size, kind, headerLines, ...rest } = message as unknown as Record<string, unknown>;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
}

function encodedAgain({ server, id, path, meta, table, body, protocol, kind }: Capture): Uint8Array {
  if (kind === 'disconnect') return encodeNotice(server, id, 'disconnect', protocol);
  if (kind === 'credits') return encodeNotice(server, id, { credits: 5 }, protocol);
  return encodeRequest({ server, id, path, meta, headers: table, body: Buffer.from(body, 'latin1') }, protocol);
}

describe('captured messages', () => {
  test('every file has its entry, and is as long as it says', () => {
    const files = readdirSync(new URL('../../test/captures/', import.meta.url)).filter((name) => name.endsWith('.bin'));
    expect(captures.map(({ file }) => file)).toEqual(files.sort());
    for (const { bytes, size } of captures) expect(bytes.length).toBe(size);
  });

  test.each(captures)('$file is decoded, every field of it', (capture) => {
    const message = decoded(capture.bytes);
    const { kind, server, id, path, size } = capture;
    expect({ kind: message.kind, server: message.server, id: message.id, path: message.path, size: message.size }).toEqual({
      kind,
      server,
      id,
      path,
      size,
    });
    expect(message.headerLines).toBe([...capture.meta, ...capture.table].flatMap(([, value]) => value).length);
    expect(latin1(message.body)).toBe(capture.body);
    expect(ownFields(message)).toEqual(capture.fields);
    expect({ ...message.meta }).toEqual(metaIn(capture));
    expect([...message.headers].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(headersIn(capture));
    for (const [name, value] of message.headers) expect(message.header(name)).toEqual(value);
  });

  test.each(captures)('$file is encoded again, byte for byte', (capture) => {
    expect(latin1(encodedAgain(capture))).toBe(latin1(capture.bytes));
  });

  test.each(captures)('$file decodes alike from a Buffer and from the middle of a larger buffer', ({ bytes }) => {
    const large = Buffer.alloc(bytes.length + 200, 0x2c);
    large.set(bytes, 100);
    const inside = decoded(large.subarray(100, 100 + bytes.length));
    const alone = decoded(bytes);
    expect(ownFields(inside)).toEqual(ownFields(alone));
    expect(inside.headers).toEqual(alone.headers);
    expect(latin1(inside.body)).toBe(latin1(alone.body));
  });

  test('no capture is taken for a reply', () => {
    for (const { bytes } of captures) expect(decodeReply(bytes)).toBeInstanceOf(M2Error);
  });
});
