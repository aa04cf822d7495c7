import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { FrameLog } from '../test/frame-log.js';
import { command, message } from '../test/raw-peer.js';
import { FrameDecoder } from './frame-decoder.js';
import { COMMAND_BYTES, defaultZmtpLimits } from './limits.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What comes of a stream that is read in these pieces, and the error that ends it. */
function decode(chunks: readonly Buffer[], limits = defaultZmtpLimits): string[] {
  const decoder = new FrameDecoder(limits);
  const log = new FrameLog();
  try {
    for (const chunk of chunks) decoder.push(chunk, log);
  } catch (error) {
    return [...log.found, M2Error.is(error) ? error.code : String(error)];
  }
  return decoder.idle ? log.found : [...log.found, 'incomplete'];
}

/** Every kind of frame, with the sizes at which something changes. */
const stream = Buffer.concat([
  message(''),
  message('one'),
  message('first', true),
  message('', true),
  message('last'),
  command('PING', '\0\0'),
  message('x'.repeat(255)),
  message('y'.repeat(256), true),
  message('z'.repeat(300)),
  bytes('\x02\0\0\0\0\0\0\0\x02ok'),
  command('SUBSCRIBE', 's'.repeat(300)),
]);
const found = [
  'm ',
  'm one',
  '+ first',
  '+ ',
  'm last',
  'c \x04PING\0\0',
  `m ${'x'.repeat(255)}`,
  `+ ${'y'.repeat(256)}`,
  `m ${'z'.repeat(300)}`,
  'm ok',
  `c \x09SUBSCRIBE${'s'.repeat(300)}`,
];

describe('a stream of frames', () => {
  it('is cut the same way when it comes whole, and byte by byte', () => {
    expect(decode([stream])).toEqual(found);
    expect(decode([...stream].map((byte) => Buffer.from([byte])))).toEqual(found);
  });

  it('is cut the same way when it is split at any byte, and at any two', () => {
    for (let at = 0; at <= stream.length; at++) expect(decode([stream.subarray(0, at), stream.subarray(at)])).toEqual(found);
    for (let at = 0; at <= stream.length; at += 7) {
      for (let next = at; next <= stream.length; next += 11) {
        expect(decode([stream.subarray(0, at), stream.subarray(at, next), stream.subarray(next)])).toEqual(found);
      }
    }
  });

  it('says whether something is missing', () => {
    const head = message('x'.repeat(300));
    for (const length of [1, 2, 8, 9, 10, head.length - 1]) expect(decode([head.subarray(0, length)])).toEqual(['incomplete']);
  });

  it('gives views on what was read whole', () => {
    const read = Buffer.concat([message('one'), message('two')]);
    const bodies: Buffer[] = [];
    const sink = { frame: (body: Buffer) => void bodies.push(body), command: () => {} };
    new FrameDecoder(defaultZmtpLimits).push(read, sink);
    expect(bodies.map((body) => body.buffer === read.buffer)).toEqual([true, true]);
  });
});

describe('what is no frame', () => {
  it.each(['\x08', '\x80\x01', '\x05\x01', '\x07', '\xff'])('ends with an error at its first byte (%j)', (bad) => {
    expect(decode([message('good'), bytes(bad)])).toEqual(['m good', 'M2_PEER_PROTOCOL']);
  });

  it('is too long by its announced length, before anything of it has come', () => {
    const limits = { ...defaultZmtpLimits, frameBytes: 1000 };
    expect(decode([bytes('\x02\0\0\0\0\0\0\x03\xe9')], limits)).toEqual(['M2_LIMIT_EXCEEDED']);
    expect(decode([message('x'.repeat(1000))], limits)).toEqual([`m ${'x'.repeat(1000)}`]);
    expect(decode([bytes('\x02\xff\xff\xff\xff\xff\xff\xff\xff')])).toEqual(['M2_LIMIT_EXCEEDED']);
    expect(decode([bytes('\x02\0\x20\0\0\0\0\0\0')])).toEqual(['M2_LIMIT_EXCEEDED']);
    expect(decode([bytes('\x02\0\0\0\x01\0\0\0\0')])).toEqual(['M2_LIMIT_EXCEEDED']);
  });

  it('is too long as a command above 64 KiB', () => {
    expect(decode([command('X', 'x'.repeat(COMMAND_BYTES - 2))])).toEqual([`c \x01X${'x'.repeat(COMMAND_BYTES - 2)}`]);
    expect(decode([command('X', 'x'.repeat(COMMAND_BYTES - 1))])).toEqual(['M2_LIMIT_EXCEEDED']);
  });
});

describe('the memory of a frame that comes in pieces', () => {
  it('is at most twice what has come, and 4 KiB at first, whatever was announced', () => {
    const size = 4 * 1024 * 1024;
    const whole = message('0123456789abcdef'.repeat(size / 16));
    const decoder = new FrameDecoder(defaultZmtpLimits);
    const log = new FrameLog();
    let come = 0;
    for (let step = 1; come < whole.length; step = step < 1000 ? step + 1 : 20_000) {
      const chunk = whole.subarray(come, come + step);
      come += chunk.length;
      decoder.push(chunk, log);
      expect(decoder.heldBytes).toBeLessThanOrEqual(Math.max(4096, come * 2));
    }
    expect(decoder.heldBytes).toBe(0);
    expect(log.found[0]?.slice(2) === whole.toString('latin1', 9)).toBe(true);
  });

  it('is no more than the frame when that is short', () => {
    const decoder = new FrameDecoder(defaultZmtpLimits);
    decoder.push(message('x'.repeat(300)).subarray(0, 12), new FrameLog());
    expect(decoder.heldBytes).toBe(300);
  });
});
