import { describe, expect, it } from 'vitest';
import { encodeCommand, frameHead } from './frame-encoder.js';

describe('the head of a frame', () => {
  it('has one byte of length up to 255, and eight from there', () => {
    expect(frameHead(0, false)).toBe('\0\0');
    expect(frameHead(255, false)).toBe('\0\xff');
    expect(frameHead(256, false)).toBe('\x02\0\0\0\0\0\0\x01\0');
    expect(frameHead(0x1234_5678, false)).toBe('\x02\0\0\0\0\x12\x34\x56\x78');
    expect(frameHead(0x1f_ffff_ffff_ffff, false)).toBe('\x02\0\x1f\xff\xff\xff\xff\xff\xff');
  });

  it('says when other frames of the message follow', () => {
    expect(frameHead(7, true)).toBe('\x01\x07');
    expect(frameHead(65536, true)).toBe('\x03\0\0\0\0\0\x01\0\0');
  });
});

describe('a command', () => {
  it('is short or long by its size', () => {
    expect(encodeCommand('AB', Buffer.from('data')).toString('latin1')).toBe('\x04\x07\x02ABdata');
    expect(encodeCommand('AB', Buffer.alloc(252, 'x')).toString('latin1')).toBe(`\x04\xff\x02AB${'x'.repeat(252)}`);
    expect(encodeCommand('AB', Buffer.alloc(253, 'x')).toString('latin1')).toBe(`\x06\0\0\0\0\0\0\x01\0\x02AB${'x'.repeat(253)}`);
  });
});
