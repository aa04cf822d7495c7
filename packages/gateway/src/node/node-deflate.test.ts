import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { nodeDeflate } from './node-deflate.js';

const text = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, n) => `line ${n}\n`).join(''));
const deflate = nodeDeflate();
const inflated = async (data: Uint8Array, limit = 1 << 20): Promise<string> => {
  const result = await deflate.inflate(data, limit);
  return typeof result === 'string' ? result : Buffer.from(result).toString();
};

describe('nodeDeflate', () => {
  it('inflates what it compressed, for every window', async () => {
    const message = text(2000);
    for (let bits = 9; bits <= 15; bits++) {
      const compressed = deflate.deflate(message, bits);
      expect(compressed?.length).toBeLessThan(message.length / 2);
      expect(await inflated(compressed ?? message)).toBe(message.toString());
    }
  });

  it.each([
    ['7.2.3.1: one block', 'f248cdc9c90700', 'Hello'],
    ['7.2.3.3: not compressed', '000500faff48656c6c6f00', 'Hello'],
    ['7.2.3.4: a block with BFINAL', 'f348cdc9c9070000', 'Hello'],
    ['7.2.3.5: two blocks', 'f248050000 00ffffcac9c90700'.replace(' ', ''), 'Hello'],
    ['7.2.3.6: an empty message', '00', ''],
  ])('inflates the example of RFC 7692 section %s', async (_, hex, expected) => {
    expect(await inflated(Buffer.from(hex, 'hex'))).toBe(expected);
  });

  it('sends what would not get smaller, and what is too long to compress here, as it is', () => {
    const noise = Uint8Array.from({ length: 2000 }, (_, n) => (n * n * 31 + n * 7) % 251);
    expect(deflate.deflate(noise.subarray(0, 20), 15)).toBeUndefined();
    expect(nodeDeflate({ maxDeflateBytes: 1000 }).deflate(text(1000), 15)).toBeUndefined();
  });

  it('stops at the limit, at once or on a thread', async () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    expect(deflate.inflate(bomb, 1000)).toBe('too-large');
    const later = deflate.inflate(bomb, 1 << 20);
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBe('too-large');
    const million = deflateRawSync(Buffer.alloc(1_000_000));
    expect(await inflated(million, 999_999)).toBe('too-large');
    expect((await inflated(million, 1_000_000)).length).toBe(1_000_000);
  });

  it.each([
    ['garbage', Buffer.from('ffffffffffff', 'hex')],
    ['a bad block type', Buffer.from('06', 'hex')],
    ['more after the end', Buffer.concat([deflateRawSync('Hello'), deflateRawSync('Hello')])],
  ])('refuses %s', async (_, data) => {
    expect(await inflated(data)).toBe('invalid');
  });
});
