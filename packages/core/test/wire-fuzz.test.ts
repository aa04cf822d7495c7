import { describe, expect, test } from 'vitest';
import { M2Error } from '../src/errors.js';
import { decodeMessage } from '../src/wire/inbound.js';
import type { M2Request } from '../src/wire/message.js';
import { encodeClose, encodeControl, encodeReply, joinReply, replyPrefix } from '../src/wire/outbound.js';
import { decodeReply, encodeNotice, encodeRequest, type ServerReply } from '../src/wire/server-side.js';
import { decodeTnetstring, encodeTnetstring } from '../src/wire/tnetstring.js';
import { captures } from './captures/captures.js';
import { mutate, type Random, seededRandom } from './mutate.js';

// Another seed (M2_FUZZ_SEED=2, 3...) makes another run; without one every run is the same.
const seed = Number(process.env.M2_FUZZ_SEED ?? 1);

/** Runs `check` on mutated samples; a failure names the seed, the round and the bytes. */
function fuzz(rounds: number, samples: readonly Uint8Array[], check: (bytes: Uint8Array, random: Random) => void): void {
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(samples, random);
    try {
      check(bytes, random);
    } catch (cause) {
      const text = JSON.stringify(Buffer.from(bytes).toString('latin1'));
      throw new Error(`M2_FUZZ_SEED=${seed}, round ${round}, ${text}`, { cause });
    }
  }
}

/** A plain check: expect() is too slow for millions of calls. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(`expected ${what}`);
}

const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => isText(value) || (Array.isArray(value) && value.every(isText));

function checkError(error: M2Error, bytes: Uint8Array): void {
  const { code, message, details } = error;
  must(code === 'M2_BAD_MESSAGE' || code === 'M2_LIMIT_EXCEEDED', `a code of the wire, not ${code}`);
  must(error.cause === undefined, `no unforeseen error, not ${String(error.cause)}`);
  must(message.length > 20 && message.length < 400, 'a message of sensible length');
  must(details.size === bytes.length && typeof details.at === 'number' && typeof details.expected === 'string', 'details');
  must((details.at as number) >= 0 && (details.at as number) <= bytes.length, 'a place within the message');
}

function checkKind(message: M2Request): void {
  switch (message.kind) {
    case 'http':
      must(message.upload?.type !== 'stream' || isCount(message.upload.offset), 'an offset');
      must(message.upload?.type !== 'stored' || isTexts(message.upload.start), 'a start');
      break;
    case 'websocket-handshake':
      must(isText(message.accept), 'an accept value');
      break;
    case 'websocket':
      must(message.flags >= 0 && message.flags <= 255 && message.opcode === (message.flags & 15), 'flags');
      break;
    case 'upload-part':
      must(isCount(message.offset) && typeof message.done === 'boolean', 'an offset');
      break;
    case 'credits':
      must(isCount(message.credits), 'credits');
      break;
    case 'unknown-notice':
      must(isText(message.type), 'a type');
      break;
    default:
      must(['disconnect', 'json-socket', 'xml-socket'].includes(message.kind), 'a known kind');
  }
  if ('method' in message) {
    must(message.method !== '' && isText(message.uri) && isText(message.pattern) && isText(message.remoteAddress), 'HTTP fields');
    must(/^HTTP\/1\.[01]$/.test(message.version) && /^https?$/.test(message.scheme), 'a version and a scheme');
  }
}

function checkMessage(message: M2Request, bytes: Uint8Array): void {
  must(isUint32(message.id) && message.path !== '' && !message.path.includes(' '), 'an id and a path');
  must(replyPrefix(message.server, message.id).length > 0, 'a server that can be answered');
  must(message.size === bytes.length && message.body.buffer === bytes.buffer, 'a view on the message');
  must(message.body.byteOffset + message.body.length + 1 === bytes.byteOffset + bytes.length, 'a body that ends the message');
  for (const name in message.meta) must(/^[A-Z]/.test(name) && isTexts(message.meta[name]), `meta ${name}`);
  for (const [name, value] of message.headers)
    must(!/^[A-Z]/.test(name) && isTexts(value) && message.header(name) === value, `header ${name}`);
  checkKind(message);
}

describe('mutated messages', () => {
  test("200,000 of Mongrel2's are decoded soundly or refused with a code", () => {
    const samples = captures.map(({ bytes }) => bytes);
    const seen = { decoded: 0, refused: 0 };
    fuzz(200_000, samples, (bytes) => {
      const message = decodeMessage(bytes);
      if (message instanceof M2Error) {
        seen.refused++;
        checkError(message, bytes);
      } else {
        seen.decoded++;
        checkMessage(message, bytes);
      }
    });
    // Were nearly all of either sort, the mutations would be testing nothing.
    expect(Math.min(seen.decoded, seen.refused)).toBeGreaterThan(2000);
  }, 60_000);

  test('50,000 tnetstrings are decoded to what encodes again, or refused', () => {
    const samples = [
      encodeTnetstring(['ctl', { 'keep-alive': true, credits: 500, cancel: true }]),
      encodeTnetstring({ headers: ['id', 'fd'], rows: [[277, 33, -1, null, false]] }),
      encodeTnetstring([[[['x'], {}], { a: { b: [1, 2] } }], 'bytes \0\xff']),
      Buffer.from('15:3:1.5^4:-2e3^]', 'latin1'),
    ];
    fuzz(50_000, samples, (bytes) => {
      const value = decodeTnetstring(bytes);
      if (value instanceof M2Error) return must(value.code === 'M2_BAD_MESSAGE', 'M2_BAD_MESSAGE');
      if (Buffer.from(bytes).includes('^')) return;
      const again = decodeTnetstring(encodeTnetstring(value));
      must(JSON.stringify(again) === JSON.stringify(value), 'the same value again');
    });
  });
});

function checkReply(reply: ServerReply, bytes: Uint8Array): void {
  const { server, ids } = reply;
  must(/^[A-Za-z0-9-]+$/.test(server) && ids.length > 0 && ids.length <= 128 && ids.every(isUint32), 'a server and ids');
  if (reply.kind === 'data') must(reply.data.length > 0 && reply.data.buffer === bytes.buffer, 'data, a view');
  // What it read must mean the same when our own encoder, which is stricter, writes it.
  const epoch = 1;
  if (reply.kind === 'close') return must(same(decodeReply(joinReply(encodeClose(epoch, server, ids))), reply), 'the same close');
  if (reply.kind === 'data')
    return must(same(decodeReply(joinReply(encodeReply(epoch, server, ids, '', reply.data))), reply), 'the same data');
  const credits = reply.credits !== undefined && reply.credits > 0 && reply.credits < 2 ** 31 ? { credits: reply.credits } : {};
  const control = {
    ...(reply.keepAlive ? { keepAlive: true as const } : {}),
    ...(reply.cancel ? { cancel: true as const } : {}),
    ...credits,
  };
  if (Object.keys(control).length === 0) return;
  must(
    same(decodeReply(joinReply(encodeControl(epoch, server, ids, control))), { ...reply, credits: control.credits }),
    'the same control',
  );
}

/** A reply as text, keys in one order. */
function flat(reply: object): string {
  const entries = Object.entries(reply).filter(([, value]) => value !== undefined);
  const texts = entries.map(([key, value]) => [key, value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value]);
  return JSON.stringify(texts.sort(([one], [other]) => (one < other ? -1 : 1)));
}

const same = (one: object, other: object): boolean => flat(one) === flat(other);

describe('mutated replies', () => {
  const encoded = [
    encodeReply(0, 'live-json', 7, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'ok'),
    encodeReply(0, '34f9ceee-cd52-4b7f-b197-88bf2f0ec378', [1, 22, 4294967295], '', Uint8Array.of(0, 255, 44, 32)),
    encodeClose(0, 'a', [7, 8]),
    encodeControl(0, 'a', 7, { keepAlive: true }),
    encodeControl(0, 'a', [7, 8, 9], { credits: 500, cancel: true }),
  ].map(joinReply);
  const unwise = ['a 3:X 7, 25:3:ctl,15:7:credits,2:50,}]', 'a 3:X 7, 9:3:abc,0:}]', 'a 3:X 7, 9:3:ctl,0:,]'].map((text) =>
    Buffer.from(text),
  );
  const samples = [...encoded, ...unwise];

  test('100,000 are read, and mean the same when encoded, or are refused with their effect', () => {
    const effects = new Set<unknown>();
    let read = 0;
    fuzz(100_000, samples, (bytes) => {
      const reply = decodeReply(bytes);
      if (reply instanceof M2Error) {
        must(reply.code === 'M2_BAD_REPLY' && (reply.details.at as number) <= bytes.length, 'M2_BAD_REPLY and a place');
        effects.add(reply.details.effect);
      } else {
        read++;
        checkReply(reply, bytes);
      }
    });
    expect([...effects].sort()).toEqual(['close', 'crash', 'garbage', 'ignored', 'stall']);
    expect(read).toBeGreaterThan(2000);
  });
});

test('what the two encoders of messages make, decodes: random fields', () => {
  const random = seededRandom(seed);
  const text = (limit: number) => Array.from({ length: random(limit) }, () => String.fromCharCode(random(256))).join('');
  for (let round = 0; round < 5000; round++) {
    const protocol = random(2) === 0 ? 'json' : 'tnetstring';
    const headers = Array.from(
      { length: random(8) },
      (_, index) => [`h${index}`, random(4) === 0 ? [text(9), text(9)] : text(20)] as const,
    );
    const meta = Object.entries({ METHOD: 'POST', VERSION: 'HTTP/1.1', URI: text(20), QUERY: text(9) });
    const body = Uint8Array.from({ length: random(50) }, () => random(256));
    const bytes = encodeRequest({ server: 's', id: random(2 ** 32), path: '/p', meta, headers, body }, protocol);
    const message = decodeMessage(bytes);
    if (message instanceof M2Error) throw new Error(`M2_FUZZ_SEED=${seed}, round ${round}`, { cause: message });
    checkMessage(message, bytes);
    expect([...message.headers].sort()).toEqual([...headers].sort());
    expect(decodeMessage(encodeNotice('s', random(2 ** 32), { credits: random(2 ** 31) }, protocol))).toMatchObject({
      kind: 'credits',
    });
  }
});
