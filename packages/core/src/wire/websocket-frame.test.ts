import { describe, expect, test } from 'vitest';
import {
  decodeClosePayload,
  decodeUtf8,
  encodeClosePayload,
  encodeFrame,
  frameHeader,
  isControlOpcode,
  isKnownOpcode,
  isValidCloseCode,
  Opcode,
  parseFlags,
  splitFlags,
} from './websocket-frame.js';

const hex = (bytes: Uint8Array | string): string => Buffer.from(bytes as string, 'latin1').toString('hex');
const badReply = expect.objectContaining({ code: 'M2_BAD_REPLY' });

describe('frameHeader and encodeFrame (RFC 6455 section 5.2)', () => {
  test('the examples of RFC 6455 section 5.7', () => {
    expect(hex(encodeFrame(Opcode.text, Buffer.from('Hello')))).toBe('810548656c6c6f');
    expect(hex(encodeFrame(Opcode.text, Buffer.from('Hel'), { fin: false }))).toBe('010348656c');
    expect(hex(encodeFrame(Opcode.continuation, Buffer.from('lo')))).toBe('80026c6f');
    expect(hex(encodeFrame(Opcode.ping, Buffer.from('Hello')))).toBe('890548656c6c6f');
    expect(hex(encodeFrame(Opcode.pong, Buffer.from('Hello')))).toBe('8a0548656c6c6f');
    expect(hex(frameHeader(Opcode.binary, 256))).toBe('827e0100');
    expect(hex(frameHeader(Opcode.binary, 65_536))).toBe('827f0000000000010000');
  });

  test.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
    [2 ** 31, '827f0000000080000000'],
    [2 ** 32 + 5, '827f0000000100000005'],
    [Number.MAX_SAFE_INTEGER, '827f001fffffffffffff'],
  ])('peers 10: 64-bit frame length: %d bytes', (length, header) => {
    expect(hex(frameHeader(Opcode.binary, length))).toBe(header);
  });

  test('a compressed frame has RSV1 (RFC 7692 section 6)', () => {
    expect(hex(frameHeader(Opcode.text, 3, true))).toBe('c103');
    expect(hex(encodeFrame(Opcode.text, Uint8Array.of(1), { rsv1: true, fin: false }))).toBe('410101');
  });

  test('payloads are not masked (RFC 6455 section 5.1)', () => {
    expect((encodeFrame(Opcode.binary, new Uint8Array(200))[1] as number) & 0x80).toBe(0);
  });

  test.each([3, 7, 11, 15, 16, -1, 1.5, Number.NaN])('opcode %d is refused', (opcode) => {
    expect(() => frameHeader(opcode, 0)).toThrow(badReply);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('a length of %d is refused', (length) => {
    expect(() => frameHeader(Opcode.binary, length)).toThrow(badReply);
  });

  test('control frames are short, whole and not compressed (RFC 6455 section 5.5)', () => {
    expect(hex(frameHeader(Opcode.ping, 125))).toBe('897d');
    expect(() => frameHeader(Opcode.ping, 126)).toThrow(badReply);
    expect(() => frameHeader(Opcode.close, 2, true)).toThrow(badReply);
    expect(() => frameHeader(Opcode.pong, 2, false, false)).toThrow(badReply);
  });
});

describe('flags (protocol 9)', () => {
  test('are taken apart', () => {
    expect(splitFlags(parseFlags('0xC1') ?? 0)).toEqual({ fin: true, rsv1: true, rsv2: false, rsv3: false, opcode: 1 });
    expect(splitFlags(0x3a)).toEqual({ fin: false, rsv1: false, rsv2: true, rsv3: true, opcode: 10 });
  });

  test('opcodes', () => {
    const all = Array.from({ length: 16 }, (_, opcode) => opcode);
    expect(all.filter(isKnownOpcode)).toEqual([0, 1, 2, 8, 9, 10]);
    expect(all.filter(isControlOpcode)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });
});

describe('close frames (RFC 6455 section 7.4)', () => {
  test('codes that may be sent', () => {
    const valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    for (const code of valid) expect(isValidCloseCode(code), String(code)).toBe(true);
    const invalid = [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535, 1000.5, Number.NaN];
    for (const code of invalid) expect(isValidCloseCode(code), String(code)).toBe(false);
  });

  test('payloads', () => {
    expect(decodeClosePayload(new Uint8Array(0))).toEqual({ valid: true, code: 1005, reason: '' });
    expect(decodeClosePayload(Buffer.from('\x03\xe8bye', 'latin1'))).toEqual({ valid: true, code: 1000, reason: 'bye' });
    expect(decodeClosePayload(Uint8Array.of(3))).toMatchObject({ valid: false, failWith: 1002 });
    expect(decodeClosePayload(Uint8Array.of(3, 0xed))).toMatchObject({ valid: false, failWith: 1002 });
    expect(decodeClosePayload(Uint8Array.of(3, 0xe8, 0xff))).toMatchObject({ valid: false, failWith: 1007 });
    expect(decodeClosePayload(new Uint8Array(126).fill(3))).toMatchObject({ valid: false, failWith: 1002 });
  });

  test('what is encoded is decoded the same', () => {
    for (const [code, reason] of [
      [1000, ''],
      [1001, 'going away'],
      [4999, '€uro'],
      [3000, 'x'.repeat(123)],
    ] as const) {
      expect(decodeClosePayload(encodeClosePayload(code, reason))).toEqual({ valid: true, code, reason });
    }
    expect(encodeClosePayload()).toHaveLength(0);
  });

  test('reserved codes and long reasons are refused', () => {
    for (const code of [1005, 1006, 1015, 0, 70_000]) expect(() => encodeClosePayload(code)).toThrow(badReply);
    expect(() => encodeClosePayload(1000, 'x'.repeat(124))).toThrow(badReply);
    expect(() => encodeClosePayload(1000, '€'.repeat(42))).toThrow(badReply);
  });
});

describe('decodeUtf8 (RFC 6455 section 8.1)', () => {
  test.each<[number[], string]>([
    [[], ''],
    [[0xe2, 0x82, 0xac], '\u20ac'],
    [[0xf0, 0x9f, 0x98, 0x80], '\u{1f600}'],
    [[0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    [[0xf4, 0x8f, 0xbf, 0xbf], '\u{10ffff}'],
  ])('%j', (bytes, text) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBe(text);
  });

  test.each([
    ['a lone continuation', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut character', [0xe2, 0x82]],
    ['a byte FF', [0xff]],
  ])('%s is refused', (_, bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
  });
});
