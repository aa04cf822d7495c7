import { describe, expect, it } from 'vitest';
import { latin1Bytes, latin1Slice } from '#platform';
import { Outbox, type Taken } from './outbox.js';

const text = ({ data }: Taken) => (typeof data === 'string' ? data : latin1Slice(data, 0, data.length));

/** Takes everything in messages of at most `limit` (or a first piece of up to `largest`). */
function takeAll(outbox: Outbox, limit: number, largest = limit): string[] {
  const taken: string[] = [];
  while (!outbox.empty) taken.push(text(outbox.take(limit, largest)));
  return taken;
}

describe('Outbox', () => {
  it('joins pieces, strings and bytes alike, up to the limit', () => {
    const outbox = new Outbox();
    for (const piece of ['ab', latin1Bytes('\xff\0'), 'cd', 'ef']) outbox.push(piece);
    expect(outbox.bytes).toBe(8);
    expect(takeAll(outbox, 6)).toEqual(['ab\xff\0cd', 'ef']);
    expect([outbox.bytes, outbox.empty]).toEqual([0, true]);
  });

  it('cuts at the limit where that is the most, to fill each message', () => {
    const outbox = new Outbox();
    for (const piece of ['abcdefg', latin1Bytes('hijkl')]) outbox.push(piece);
    expect(takeAll(outbox, 5)).toEqual(['abcde', 'fghij', 'kl']);
  });

  it('takes a first piece whole up to the most, and cuts no other', () => {
    const outbox = new Outbox();
    for (const piece of ['abc', 'defghijk', 'l', 'm']) outbox.push(piece);
    expect(takeAll(outbox, 4, 8)).toEqual(['abc', 'defghijk', 'lm']);
    outbox.push('abcdefghijk');
    expect(takeAll(outbox, 4, 8)).toEqual(['abcdefgh', 'ijk']);
  });

  it('tells which answers end with a message, an end without bytes included', () => {
    const outbox = new Outbox();
    outbox.push('abc', 1);
    outbox.push('def');
    outbox.push('', 2);
    outbox.push('ghi', 1);
    expect(outbox.unsentEnds).toBe(3);
    expect(outbox.take(4, 4)).toMatchObject({ data: 'abcd', ends: 1, truncated: 0 });
    expect(outbox.take(2, 2)).toMatchObject({ data: 'ef', ends: 1, truncated: 1 });
    expect(outbox.clear()).toBe(1);
    expect([outbox.empty, outbox.unsentEnds, outbox.bytes]).toEqual([true, 0, 0]);
  });

  it('keeps order through thousands of pieces taken a few at a time', () => {
    const outbox = new Outbox();
    const pieces = Array.from({ length: 5000 }, (_, n) => `${n},`);
    for (const piece of pieces) outbox.push(piece);
    expect(takeAll(outbox, 100).join('')).toBe(pieces.join(''));
  });
});
