import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { SocketType } from '../src/commands.js';
import { ZmtpConnection } from '../src/connection.js';
import { defaultZmtpLimits } from '../src/limits.js';
import { ConnectionLog } from './connection-log.js';
import { seeded, upTo } from './random.js';
import { command, handshake, message } from './raw-peer.js';

const SEED = 7;
const SESSIONS = 20_000;

/** As much of a net.Socket as a connection touches, without a kernel behind it. */
class FakeSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setNoDelay(): void {}
  setKeepAlive(): void {}
}

const sessions: Record<string, Buffer> = {
  PULL: Buffer.concat([handshake('PUSH'), message('one'), message('two', true), message('three'), command('PING', '\0\x0actx')]),
  XPUB: Buffer.concat([handshake('SUB'), command('SUBSCRIBE', 'a'), message('\x01b'), message('\0b'), command('CANCEL', 'a')]),
  ROUTER: Buffer.concat([handshake('DEALER', 'me'), message('', true), message('body'), command('ERROR', '\x02no')]),
};

describe('a connection and hostile sessions', () => {
  it(`${SESSIONS} of them end with a coded error or go on, and never throw`, () => {
    Error.stackTraceLimit = 0;
    const random = seeded(SEED);
    const types = Object.keys(sessions) as SocketType[];
    const ends: Record<string, number> = {};
    for (let count = 0; count < SESSIONS; count++) {
      const type = types[count % types.length] as SocketType;
      const bytes = Buffer.from(sessions[type] as Buffer);
      for (let changes = upTo(random, 4); changes > 0; changes--) bytes[upTo(random, bytes.length)] = upTo(random, 256);
      const socket = new FakeSocket();
      const log = new ConnectionLog();
      const connection = new ZmtpConnection(socket as unknown as Socket, type, defaultZmtpLimits, log);
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + upTo(random, bytes.length);
        socket.emit('data', bytes.subarray(at, at + size));
        at += size;
      }
      const ended = log.events.filter((event) => event.startsWith('ended'));
      expect(ended.length).toBeLessThan(2);
      ends[ended[0] ?? 'goes on'] = (ends[ended[0] ?? 'goes on'] ?? 0) + 1;
      connection.destroy();
    }
    expect(Object.keys(ends).sort()).toEqual([
      'ended M2_LIMIT_EXCEEDED',
      'ended M2_PEER_PROTOCOL',
      'ended M2_PEER_REFUSED',
      'ended M2_PEER_TYPE',
      'goes on',
    ]);
  });
});
