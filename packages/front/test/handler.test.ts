import {
  Connection,
  type Handler,
  HttpExchange,
  memoryTransport,
  type PeerTransport,
  runConnection,
  type Server,
  type Transport,
} from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Front, type FrontSettings, startFront } from '../src/index.js';
import { within } from './support/deadline.js';
import { TcpClient } from './support/tcp-client.js';

const BIG = 100 * 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, 'x');

/** Streams so many bytes, waiting whenever the client is slow. */
async function stream(exchange: HttpExchange, bytes: number, gone: (cause: string) => void): Promise<void> {
  exchange.onAbort((cause) => gone(cause.code));
  exchange.start(200, [['Content-Length', `${bytes}`]]);
  for (let left = bytes; left > 0 && !exchange.ended; left -= PIECE.length) {
    if (!exchange.write(PIECE.subarray(0, left))) await exchange.drained();
  }
  exchange.end();
}

async function echo(exchange: HttpExchange): Promise<void> {
  const parts: Uint8Array[] = [];
  for (let part = await exchange.body.read(); part !== undefined; part = await exchange.body.read()) parts.push(part.slice());
  exchange.respond(200, [['Content-Type', 'text/plain']], Buffer.concat(parts));
}

class TestHandler implements Handler {
  /** Resolves to why a streamed response was cut short. */
  readonly gone: Promise<string>;
  private tell: (cause: string) => void = () => {};

  constructor() {
    this.gone = new Promise((resolve) => {
      this.tell = resolve;
    });
  }

  async handle(...[message, client]: Parameters<Handler['handle']>): Promise<void> {
    if (message.kind !== 'http') return;
    const exchange = new HttpExchange(message, client);
    if (message.path === '/echo') await echo(exchange);
    else if (message.path === '/big') await stream(exchange, BIG, this.tell);
    else if (message.path === '/chunks') {
      exchange.start(200, []);
      for (const piece of ['one', 'two', 'three']) exchange.write(piece);
      exchange.end();
    } else exchange.respond(200, [], message.path);
  }
}

const transports: [name: string, make: () => Transport & PeerTransport, specs: object][] = [
  ['memory', memoryTransport, { sendSpec: 'memory://send', recvSpec: 'memory://recv' }],
  ['zeromq', zeromqTransport, {}],
];
const modes: [name: string, settings: FrontSettings][] = [
  ['without flow control', { 'upload.stream': 1 }],
  ['with flow control', { 'upload.stream': 1, 'download.flow_control': 1 }],
];

describe.each(transports)('a real handler over %s', (_transport, makeTransport, specs) => {
  describe.each(modes)('%s', (_mode, settings) => {
    let front: Front;
    let server: Server;
    let handler: TestHandler;

    beforeEach(async () => {
      const transport = makeTransport();
      front = await startFront({ transport, handlers: { ...specs, protocol: 'tnetstring' }, settings });
      const { sendSpec, recvSpec } = front.handlers[0] as Front['handlers'][number];
      handler = new TestHandler();
      server = await runConnection(new Connection({ sendSpec, recvSpec }), handler, transport);
      await within(server.ready, 'the subscription');
    });

    afterEach(async () => {
      await server.stop({ graceMs: 0 });
      await front.close();
    });

    const open = (...lines: string[]) => TcpClient.open(front, [...lines, '', ''].join('\r\n'));

    it('answers GET, keeps the connection alive, and answers again', async () => {
      const client = await open('GET /a HTTP/1.1', 'Host: x');
      await client.ends('\r\n\r\n/a');
      client.send('GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(await client.end()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\/aHTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\/b$/);
    });

    it('echoes POST, small and streamed', async () => {
      const small = await open('POST /echo HTTP/1.1', 'Host: x', 'Content-Length: 5', '', 'hello');
      await small.ends('\r\n\r\nhello');
      const body = 'line\n'.repeat(100_000);
      const large = await open('POST /echo HTTP/1.1', 'Host: x', `Content-Length: ${body.length}`, 'Expect: 100-continue');
      await large.ends('HTTP/1.1 100 Continue\r\n\r\n');
      large.send(body);
      await large.ends(body.slice(-1000));
      await large.bytes(body.length);
      expect(large.received.endsWith(`\r\n\r\n${body}`)).toBe(true);
      const chunked = await open(
        'POST /echo HTTP/1.1',
        'Host: x',
        'Transfer-Encoding: chunked',
        '',
        '3\r\nabc\r\n3\r\ndef\r\n0\r\n',
      );
      await chunked.ends('\r\n\r\nabcdef');
    });

    it('closes after HTTP/1.0, and sends no body for HEAD', async () => {
      const old = await TcpClient.open(front, 'GET /old HTTP/1.0\r\n\r\n');
      expect(await old.end()).toMatch(/\r\n\r\n\/old$/);
      const head = await open('HEAD /head HTTP/1.1', 'Host: x', 'Connection: close');
      expect(await head.end()).toMatch(/\r\nContent-Length: 5\r\n[\s\S]*\r\n\r\n$/i);
    });

    it('answers pipelined requests in order', async () => {
      const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
      const client = await TcpClient.open(front, get('/1') + get('/chunks') + get('/3'));
      await client.ends('\r\n\r\n/3');
      expect(client.received).toMatch(
        /\r\n\r\n\/1HTTP[\s\S]*\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\nHTTP[\s\S]*\/3$/,
      );
    });

    it('streams 100 MB', async () => {
      const client = await open('GET /big HTTP/1.1', 'Host: x');
      const total = await client.drain(BIG);
      expect(total).toBeGreaterThan(BIG);
      expect(front.stats.killed).toBe(0);
    });

    it('hears of a client that leaves in the middle', async () => {
      const client = await open('GET /big HTTP/1.1', 'Host: x');
      await client.bytes(100_000);
      client.leave();
      expect(await within(handler.gone, 'the abort')).toBe('M2_CLIENT_GONE');
    });
  });
});
