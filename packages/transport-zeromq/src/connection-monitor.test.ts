import { describe, expect, it } from 'vitest';
import { FakeSocket } from '../test/fake-zeromq.js';
import { eventually } from '../test/support.js';
import { ConnectionMonitor, closeSocket } from './connection-monitor.js';

function setUp() {
  const socket = new FakeSocket('xpub', {});
  const told: string[] = [];
  const monitor = new ConnectionMonitor(
    socket,
    () => told.push('established'),
    (end) => told.push(end),
  );
  return { socket, told, monitor };
}

describe('ConnectionMonitor', () => {
  it.each([
    ['nobody listens', ['connect:delay', 'close', 'connect:retry'], ['absent']],
    ['the name does not resolve', ['connect:retry'], ['absent']],
    ['the peer has the wrong socket type', ['connect:delay', 'connect', 'disconnect'], ['handshake']],
    ['the peer speaks another protocol', ['connect', 'handshake:error:other', 'disconnect', 'connect:retry'], ['handshake']],
    ['the peer went away', ['connect', 'handshake', 'disconnect', 'connect:retry'], ['established', 'lost']],
    ['the socket was closed by somebody else', ['connect', 'handshake', 'end'], ['established', 'failed']],
  ])('tells that %s, once', async (_name, events, expected) => {
    const { socket, told, monitor } = setUp();
    socket.happens(...events, 'end');
    await monitor.closed;
    expect(told).toEqual(expected);
    expect(socket.events.closed).toBe(true);
  });

  it('says nothing of what we closed ourselves', async () => {
    const { socket, told, monitor } = setUp();
    socket.happens('connect', 'handshake');
    await eventually('the handshake is seen', () => told.length > 0);
    await closeSocket(socket, monitor, 123);
    expect(socket.linger).toBe(123);
    expect(told).toEqual(['established']);
    await closeSocket(socket, monitor, 5);
    expect(socket.linger).toBe(123);
  });
});
