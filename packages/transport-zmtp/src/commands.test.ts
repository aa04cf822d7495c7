import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import {
  checkPeerType,
  decodeCommand,
  decodeErrorReason,
  decodeMetadata,
  encodeError,
  encodePong,
  encodeReady,
  encodeSubscription,
  type SocketType,
} from './commands.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const text = (buffer: Buffer): string => buffer.toString('latin1');
const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return M2Error.is(error) ? error.code : String(error);
  }
  return 'nothing was thrown';
};

describe('commands', () => {
  it('READY carries the socket type, and the identity where there can be one', () => {
    expect(text(encodeReady('PULL', bytes('')))).toBe('\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL');
    expect(text(encodeReady('REQ', bytes('me')))).toBe('\x04\x28\x05READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity\0\0\0\x02me');
  });

  it('are split into name and data', () => {
    expect(decodeCommand(bytes('\x04PING\0\0abc'))).toEqual({ name: 'PING', data: bytes('\0\0abc') });
    expect(decodeCommand(bytes('\x01X'))).toEqual({ name: 'X', data: bytes('') });
    for (const bad of ['', '\0', '\0PING', '\x05PING']) expect(codeOf(() => decodeCommand(bytes(bad)))).toBe('M2_PEER_PROTOCOL');
  });

  it('PONG brings back at most 16 bytes of context', () => {
    expect(text(encodePong(bytes('\0\x0acontext')))).toBe('\x04\x0c\x04PONGcontext');
    expect(text(encodePong(bytes('\0\x0a0123456789abcdefXYZ')))).toBe('\x04\x15\x04PONG0123456789abcdef');
    for (const short of ['', '\0', '\0\x0a']) expect(text(encodePong(bytes(short)))).toBe('\x04\x05\x04PONG');
  });

  it('ERROR has a reason of at most 255 bytes', () => {
    expect(text(encodeError('no'))).toBe('\x04\x09\x05ERROR\x02no');
    expect(text(encodeError('x'.repeat(300)))).toBe(`\x06\0\0\0\0\0\0\x01\x06\x05ERROR\xff${'x'.repeat(255)}`);
    expect(decodeErrorReason(bytes('\x02no'))).toBe('no');
    expect(decodeErrorReason(bytes('\xffshort'))).toBe('short');
    expect(decodeErrorReason(bytes(''))).toBe('');
  });

  it('subscriptions are commands for 3.1 and messages for 3.0', () => {
    expect(text(encodeSubscription(1, true, 'ab'))).toBe('\x04\x0c\x09SUBSCRIBEab');
    expect(text(encodeSubscription(1, false, ''))).toBe('\x04\x07\x06CANCEL');
    expect(text(encodeSubscription(0, true, 'ab'))).toBe('\0\x03\x01ab');
    expect(text(encodeSubscription(0, false, ''))).toBe('\0\x01\0');
  });
});

describe('metadata', () => {
  it('is read with names in any case, and values of any bytes', () => {
    const data = bytes('\x0bSOCKET-type\0\0\0\x04PUSH\x08Identity\0\0\0\0\x03X-a\0\0\0\x02\0\xff');
    expect([...decodeMetadata(data)].map(([name, value]) => [name, text(value)])).toEqual([
      ['socket-type', 'PUSH'],
      ['identity', ''],
      ['x-a', '\0\xff'],
    ]);
    expect(decodeMetadata(bytes('')).size).toBe(0);
  });

  it.each(['\x00\0\0\0\0', '\x01', '\x01a', '\x01a\0\0\0', '\x01a\0\0\0\x01', '\x01a\xff\xff\xff\xffxx', '\x05READY'])(
    'is refused when it is malformed (%j)',
    (bad) => {
      expect(codeOf(() => decodeMetadata(bytes(bad)))).toBe('M2_PEER_PROTOCOL');
    },
  );
});

describe('socket types', () => {
  const pairs =
    'PULL-PUSH PUB-SUB PUB-XSUB XPUB-SUB XPUB-XSUB DEALER-REP DEALER-DEALER DEALER-ROUTER ROUTER-REQ ROUTER-ROUTER REQ-REP'.split(
      ' ',
    );
  const types: SocketType[] = ['PULL', 'PUSH', 'PUB', 'XPUB', 'SUB', 'XSUB', 'DEALER', 'ROUTER', 'REQ', 'REP'];

  it('talk to each other exactly as the RFCs say, both ways', () => {
    const talking = types.flatMap((own) =>
      types.filter((peer) => codeOf(() => checkPeerType(own, peer)) === 'nothing was thrown').map((peer) => `${own}-${peer}`),
    );
    const expected = new Set(pairs.flatMap((pair) => [pair, pair.split('-').reverse().join('-')]));
    expect(new Set(talking)).toEqual(expected);
    for (const peer of ['', 'PAIR', 'push', 'CLIENT']) expect(codeOf(() => checkPeerType('PULL', peer))).toBe('M2_PEER_TYPE');
  });
});
