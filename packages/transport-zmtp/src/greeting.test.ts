import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { greetingWith } from '../test/raw-peer.js';
import { checkGreeting, decodeGreeting, encodeGreeting, GREETING_BYTES } from './greeting.js';

const failureOf = (bytes: Buffer): string => {
  for (let length = 0; length <= bytes.length; length++) {
    try {
      if (length < GREETING_BYTES) checkGreeting(bytes.subarray(0, length));
      else decodeGreeting(bytes.subarray(0, length));
    } catch (error) {
      return M2Error.is(error) ? `${error.code} after ${length}: ${error.message}` : String(error);
    }
  }
  return 'none';
};

describe('the greeting', () => {
  it('is that of ZMTP 3.1 with the NULL mechanism, byte for byte', () => {
    const expected = `\xff${'\0'.repeat(8)}\x7f\x03\x01NULL${'\0'.repeat(16)}\0${'\0'.repeat(31)}`;
    expect(encodeGreeting().toString('latin1')).toBe(expected);
    expect(decodeGreeting(encodeGreeting())).toEqual({ major: 3, minor: 1, mechanism: 'NULL' });
  });

  it('is taken from peers of 3.0, of later versions, and with any padding', () => {
    expect(decodeGreeting(greetingWith({ 11: 0 }))).toMatchObject({ major: 3, minor: 0 });
    expect(decodeGreeting(greetingWith({ 10: 4, 11: 7 }))).toMatchObject({ major: 4, minor: 7 });
    expect(failureOf(greetingWith({ 1: 255, 8: 1, 32: 1, 40: 'filler' }))).toBe('none');
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), /^M2_PEER_PROTOCOL after 1: .*no ZeroMQ socket/],
    ['ZMTP 1.0', greetingWith({ 9: 0 }), /^M2_PEER_PROTOCOL after 10: .*no ZeroMQ socket/],
    ['ZMTP 2.0', greetingWith({ 10: 1 }), /^M2_PEER_PROTOCOL after 11: The peer speaks ZMTP 1/],
    ['CURVE', greetingWith({ 12: 'CURVE' }), /^M2_PEER_PROTOCOL after 64: .*"CURVE".*NULL only/],
    ['an endless mechanism', greetingWith({ 12: 'x'.repeat(52) }), /^M2_PEER_PROTOCOL after 64: .*"x{20}"/],
  ])('of %s is refused as soon as it can be told', (_name, bytes, failure) => {
    expect(failureOf(bytes)).toMatch(failure);
  });
});
