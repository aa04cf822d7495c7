import { describe, expect, it } from 'vitest';
import { FrameParser } from './frame-parser.js';

const MASK = [0x11, 0x22, 0x33, 0x44];

/** A masked frame; `form` picks the length's form: 7, 16 or 64 bits. */
function frame(first: number, payload: Uint8Array, form: 7 | 16 | 64): Buffer {
  const head = Buffer.alloc({ 7: 2, 16: 4, 64: 10 }[form]);
  head[0] = first;
  if (form === 7) head[1] = 0x80 | payload.length;
  else if (form === 16) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, Buffer.from(MASK), payload.map((byte, at) => byte ^ (MASK[at & 3] as number))]);
}

function parse(bytes: Buffer, step: number): { frames: [number, string][]; problem: string | undefined } {
  const frames: [number, string][] = [];
  const parser = new FrameParser((flags, payload) => void frames.push([flags, Buffer.from(payload).toString('latin1')]));
  for (let at = 0; at < bytes.length; at += step) {
    const problem = parser.push(bytes.subarray(at, at + step));
    if (problem !== undefined) return { frames, problem };
  }
  return { frames, problem: undefined };
}

describe('FrameParser', () => {
  const text = (length: number) => Buffer.alloc(length, 'abcdefg');
  const stream = Buffer.concat([
    frame(0x81, text(5), 7),
    frame(0x82, text(300), 16),
    frame(0x82, text(70_000), 64),
    frame(0x81, text(3), 64),
    frame(0x01, text(10), 7),
    frame(0x89, text(125), 7),
    frame(0x00, text(0), 7),
    frame(0x80, text(200), 16),
    frame(0x88, text(0), 7),
  ]);
  const expected = [
    [0x81, text(5).toString()],
    [0x82, text(300).toString()],
    [0x82, text(70_000).toString()],
    [0x81, text(3).toString()],
    [0x89, text(125).toString()],
    [0x01, `${text(10)}${text(200)}`],
    [0x88, ''],
  ];

  it.each([1, 2, 3, 7, 13, 14, 1000, 65_536, 1_000_000])('reads frames however they are cut: %d bytes at a time', (step) => {
    expect(parse(stream, step)).toEqual({ frames: expected, problem: undefined });
  });

  it('reads what was good before it says what is wrong', () => {
    const { frames, problem } = parse(Buffer.concat([frame(0x81, text(1), 7), Buffer.from([0x81, 0x01, 0x61])]), 100);
    expect([frames.length, problem]).toEqual([1, 'an unmasked frame']);
  });

  it('bounds a message that is joined of many fragments', () => {
    const half = 64 * 1024 * 1024;
    const head = (first: number, length: number) => {
      const bytes = Buffer.alloc(14);
      bytes[0] = first;
      bytes[1] = 0xff;
      bytes.writeBigUInt64BE(BigInt(length), 2);
      return bytes;
    };
    const parser = new FrameParser(() => {});
    expect(parser.push(head(0x02, half))).toBeUndefined();
    expect(parser.push(Buffer.alloc(half))).toBeUndefined();
    expect(parser.push(head(0x00, half + 1))).toMatch(/more than 134217728 bytes/);
  });
});
