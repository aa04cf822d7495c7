// WebSocket libraries that know nothing of m2, on `nodeHandler`, behind Mongrel2, with their own clients.
import { randomBytes } from 'node:crypto';
import { createServer, type Server as HttpServer } from 'node:http';
import { nodeHandler } from '@m2/gateway/node';
import { Server as SocketIo } from 'socket.io';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { type Served, serveHandler } from '../harness/served.js';

/** A client of the ws library, and what it got. */
async function open(url: string, options: object = {}) {
  const socket = new WebSocket(url, options);
  const messages: Buffer[] = [];
  socket.on('message', (data) => messages.push(data as Buffer));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await within(new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), 'the WebSocket is open');
  return { socket, messages, closed };
}

for (const flowControl of [true, false]) {
  describeWithMongrel2(`the ws library behind Mongrel2, flow control ${flowControl ? 'on' : 'off'}`, { flowControl }, (given) => {
    let http: HttpServer;
    let sockets: WebSocketServer;
    let served: Served;
    beforeAll(async () => {
      http = createServer((_, response) => response.end('page'));
      sockets = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 100 } });
      sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
      served = await serveHandler(nodeHandler(http), given.mongrel2.connect);
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    const url = () => given.mongrel2.url.replace('http', 'ws');

    it.each([true, false])('echoes text and bytes, compressed: %s', async (perMessageDeflate) => {
      const { socket, messages, closed } = await open(url(), { perMessageDeflate });
      expect(socket.extensions).toBe(perMessageDeflate ? 'permessage-deflate' : '');
      const sent = ['', 'short', 'é'.repeat(1000), 'long '.repeat(50_000)]
        .map((text) => Buffer.from(text))
        .concat(randomBytes(70_000));
      for (const data of sent) socket.send(data, { binary: data === sent.at(-1), compress: perMessageDeflate });
      await expect.poll(() => messages.length, { timeout: 10_000 }).toBe(sent.length);
      expect(messages.map((data, index) => data.equals(sent[index] as Buffer))).toEqual(sent.map(() => true));
      socket.close(4001);
      expect(await closed).toBe(4001);
      await expect.poll(() => sockets.clients.size).toBe(0);
    });

    it('answers pings, and fragments come whole', async () => {
      const { socket, messages, closed } = await open(url());
      const pong = new Promise<string>((resolve) => socket.once('pong', (data) => resolve(String(data))));
      socket.send('two ', { fin: false });
      socket.ping('between');
      socket.send('parts', { fin: true });
      expect(await within(pong, 'a pong comes')).toBe('between');
      await expect.poll(() => messages.map(String)).toEqual(['two parts']);
      socket.terminate();
      await closed;
      await expect.poll(() => sockets.clients.size).toBe(0);
    });

    it('answers pages beside', async () => {
      expect(await (await fetch(given.mongrel2.url)).text()).toBe('page');
    });
  });
}

describeWithMongrel2('socket.io behind Mongrel2', { flowControl: true }, (given) => {
  let server: SocketIo;
  let served: Served;
  beforeAll(async () => {
    const http = createServer();
    server = new SocketIo(http, { serveClient: false });
    server.on('connection', (socket) => {
      socket.on('ask', (value, answer: (value: unknown) => void) => answer({ got: value, by: socket.conn.transport.name }));
      socket.on('room', (text) => server.emit('room', text));
    });
    served = await serveHandler(nodeHandler(http), given.mongrel2.connect);
  });
  afterAll(async () => {
    await server?.close();
    await served?.server.stop({ graceMs: 0 });
  });

  it.each([[['polling']], [['websocket']], [['polling', 'websocket']]])('answers by %s', async (transports) => {
    const client = io(given.mongrel2.url, { transports, reconnection: false });
    const heard: string[] = [];
    client.on('room', (text: string) => heard.push(text));
    try {
      await within(
        new Promise((resolve, reject) => client.once('connect', () => resolve(undefined)).once('connect_error', reject)),
        'socket.io is connected',
      );
      const last = transports.at(-1);
      await expect.poll(() => client.io.engine.transport.name).toBe(last);
      expect(await client.timeout(5000).emitWithAck('ask', 'é'.repeat(2000))).toEqual({ got: 'é'.repeat(2000), by: last });
      client.emit('room', 'to all');
      await expect.poll(() => heard).toEqual(['to all']);
    } finally {
      client.disconnect();
    }
    await expect.poll(() => server.engine.clientsCount).toBe(0);
  });
});
