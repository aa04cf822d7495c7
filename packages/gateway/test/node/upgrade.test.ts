// WebSockets of (req, res) apps: the ws library on the 'upgrade' event, against a scripted Mongrel2.
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { deferred } from '../harness.js';
import { serveNode } from './kinds.js';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

/** A server with the ws library on it, and the peers that it takes. */
async function withWs(
  options: object = {},
  connection: (peer: WebSocket) => void = () => {},
  setup: Parameters<typeof serveNode>[1] = {},
) {
  const server = createServer((_, response) => response.end('page'));
  const sockets = new WebSocketServer({ server, ...options });
  sockets.on('connection', (peer) => {
    peer.on('error', () => {});
    connection(peer);
  });
  return { ...(await serveNode(server, setup)), sockets };
}

const echo = (peer: WebSocket): void => void peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));

describe('compat 66: the ws library', () => {
  it('accepts a handshake with the value that Mongrel2 made ready, and echoes', async () => {
    const { mongrel2, ask } = await withWs({}, echo);
    const client = mongrel2.connect().upgrade();
    const response = await client.response();
    expect([response.status, response.header('sec-websocket-accept')]).toEqual([101, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
    client.frame('hello').frame(Uint8Array.from([1, 2, 255]), 0x82);
    await expect.poll(() => client.frames.length).toBe(2);
    expect(client.frames.map(({ opcode, payload }) => [opcode, [...payload]])).toEqual([
      [1, [...Buffer.from('hello')]],
      [2, [1, 2, 255]],
    ]);
    expect((await ask()).text).toBe('page');
  });

  it.each([0, 125, 126, 65_535, 65_536, 1_000_000])('echoes %s bytes', async (length) => {
    const { mongrel2 } = await withWs({}, echo, { mongrel2: { flowControl: true } });
    const client = mongrel2.connect().upgrade();
    await client.response();
    client.frame(new Uint8Array(length).fill(7), 0x82);
    await expect.poll(() => client.frames.length, { timeout: 5000 }).toBe(1);
    expect(client.frames[0]?.payload.length).toBe(length);
  });

  it('answers pings, and closes when the client closes', async () => {
    const closed = deferred<unknown>();
    const { mongrel2 } = await withWs({}, (peer) => peer.on('close', (code, reason) => closed.resolve([code, String(reason)])));
    const client = mongrel2.connect().upgrade();
    await client.response();
    client.frame('are you there', 0x89).frame(Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from('bye')]), 0x88);
    expect(await closed.promise).toEqual([1000, 'bye']);
    expect(await client.closed).toBe('handler');
    expect(client.frames.map(({ opcode, payload }) => [opcode, text(payload.subarray(opcode === 8 ? 2 : 0))])).toEqual([
      [10, 'are you there'],
      [8, 'bye'],
    ]);
  });

  it('closes when the app closes', async () => {
    const { mongrel2 } = await withWs({}, (peer) => peer.close(4000, 'enough'));
    const client = mongrel2.connect().upgrade();
    await client.response();
    await expect.poll(() => client.frames.length).toBe(1);
    client.frame(client.frames[0]?.payload ?? '', 0x88);
    expect(await client.closed).toBe('handler');
  });

  it('hears that the client has gone', async () => {
    const closed = deferred<number>();
    const { mongrel2, sockets } = await withWs({}, (peer) => peer.on('close', (code) => closed.resolve(code)));
    const client = mongrel2.connect().upgrade();
    await client.response();
    client.disconnect();
    expect(await closed.promise).toBe(1006);
    expect(sockets.clients.size).toBe(0);
  });

  it('ends a connection that it terminates', async () => {
    const { mongrel2 } = await withWs({}, (peer) => peer.terminate());
    expect(await mongrel2.connect().upgrade().closed).toBe('handler');
  });

  it.each<[string, number, Uint8Array, number]>([
    ['a reserved bit', 0xa1, Buffer.from('x'), 1002],
    ['a reserved opcode', 0x83, Buffer.from('x'), 1002],
    ['text that is not UTF-8', 0x81, Uint8Array.from([0xff]), 1007],
    ['a bad close code', 0x88, Uint8Array.from([0, 5]), 1002],
    ['a message beyond its limit', 0x82, new Uint8Array(101), 1009],
  ])('refuses %s, which Mongrel2 lets through', async (_, flags, payload, code) => {
    const { mongrel2 } = await withWs({ maxPayload: 100 });
    const client = mongrel2.connect().upgrade();
    await client.response();
    client.frame(payload, flags);
    await expect.poll(() => client.frames.length).toBe(1);
    expect(Buffer.from(client.frames[0]?.payload ?? []).readUInt16BE()).toBe(code);
  });

  it('compresses with permessage-deflate', async () => {
    const { mongrel2 } = await withWs({ perMessageDeflate: { threshold: 0 } }, echo);
    const client = mongrel2
      .connect()
      .upgrade({ headers: [['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits']] });
    expect((await client.response()).header('sec-websocket-extensions')).toContain('permessage-deflate');
    const data = 'compressed '.repeat(100);
    const deflated = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
    client.frame(deflated.subarray(0, -TAIL.length), 0xc1);
    await expect.poll(() => client.frames.length).toBe(1);
    const [frame] = client.frames;
    expect([frame?.rsv1, (frame?.payload.length ?? 0) < 100]).toEqual([true, true]);
    expect(
      inflateRawSync(Buffer.concat([frame?.payload ?? Buffer.alloc(0), TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
      }).toString(),
    ).toBe(data);
  });

  it('refuses a handshake, and the connection is closed', async () => {
    const { mongrel2 } = await withWs({ verifyClient: () => false });
    const client = mongrel2.connect().upgrade();
    expect((await client.response()).status).toBe(401);
    expect(await client.closed).toBe('handler');
    const other = (await withWs({ path: '/socket' })).mongrel2.connect().upgrade({ path: '/elsewhere' });
    expect((await other.response()).status).toBe(400);
  });

  it('says goodbye when the server stops', async () => {
    const { mongrel2, server } = await withWs({});
    const client = mongrel2.connect().upgrade();
    await client.response();
    const stopped = server.stop({ graceMs: 10_000 });
    await expect.poll(() => client.frames.length).toBe(1);
    expect([client.frames[0]?.opcode, Buffer.from(client.frames[0]?.payload ?? []).readUInt16BE()]).toEqual([8, 1001]);
    expect(await stopped).toEqual({ unfinished: 0 });
  });
});

describe("an app's own 'upgrade'", () => {
  const upgrading = async (listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void, node: object = {}) => {
    const server = createServer();
    server.on('upgrade', listener);
    return serveNode(server, { node, mongrel2: { flowControl: true, socketBytes: 16 * 1024 } });
  };

  it('gets GET, the URL, the headers, no head, and the same server', async () => {
    const seen = deferred<unknown>();
    const { mongrel2 } = await upgrading((request, socket, head) => {
      seen.resolve([request.method, request.url, request.headers.upgrade, head.length, request.socket === (socket as unknown)]);
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    });
    const client = mongrel2.connect().upgrade({ path: '/chat?room=1' });
    expect(await seen.promise).toEqual(['GET', '/chat?room=1', 'websocket', 0, true]);
    expect((await client.response()).status).toBe(403);
    expect(await client.closed).toBe('handler');
  });

  it('that throws is answered 500', async () => {
    const { mongrel2, lines } = await upgrading(() => {
      throw new Error('secret');
    });
    const client = mongrel2.connect().upgrade();
    expect((await client.response()).status).toBe(500);
    expect(await client.closed).toBe('handler');
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('that does nothing is told when the client goes', async () => {
    const closed = deferred();
    const { mongrel2 } = await upgrading((_, socket) => void socket.resume().once('close', () => closed.resolve()));
    const client = mongrel2.connect().upgrade();
    await expect.poll(() => mongrel2.counters.messages).toBe(1);
    client.disconnect();
    await closed.promise;
  });

  it('feels a slow reader', async () => {
    const full = deferred<Duplex>();
    const drained = deferred();
    const { mongrel2 } = await upgrading((_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      const frame = Buffer.concat([Buffer.from([0x82, 126, 0x40, 0]), Buffer.alloc(0x4000)]);
      socket.once('drain', () => drained.resolve());
      const write = () => {
        for (let count = 0; count < 400; count++) socket.write(frame);
        full.resolve(socket);
      };
      setImmediate(write);
    });
    const client = mongrel2.connect();
    client.slow();
    client.upgrade();
    const socket = await full.promise;
    expect(socket.writableNeedDrain).toBe(true);
    client.resume();
    await drained.promise;
    await expect.poll(() => client.frames.length, { timeout: 5000 }).toBe(400);
  });

  it('that does not read is closed when too much waits', async () => {
    const { mongrel2, told } = await upgrading((_, socket) => void socket.pause(), { upgradeBufferBytes: 1000 });
    const client = mongrel2.connect().upgrade();
    for (let count = 0; count < 5 && client.canSend; count++) {
      client.frame('x'.repeat(400));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed;
    expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(/more than 1000 bytes of its messages waited/)]);
  });
});
