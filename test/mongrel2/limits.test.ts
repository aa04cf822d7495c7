import { asyncBackend } from '@m2/backend-async';
import { type Server, serve } from '@m2/core';
import { fetchHandler } from '@m2/gateway';
import { gzip } from '@m2/gateway/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { EventLog } from '../harness/event-log.js';
import { RawClient, request } from '../harness/raw-client.js';
import type { RawResponse } from '../harness/response-parser.js';

const SETTINGS = {
  'limits.buffer_size': 65_536,
  'limits.client_read_retries': 50,
  'limits.content_length': 65_536,
  'upload.stream': 1,
  no_clobber_xff: 1,
};

/** An app with low limits behind Mongrel2. */
class LimitedApp {
  /** The paths that the app was asked for. */
  readonly seen = new EventLog<string>();
  /** Lets the request for `/wait` go on. */
  release = (): void => {};

  private started: Server | undefined;

  private constructor(readonly port: number) {}

  static async start(mongrel2: {
    readonly port: number;
    readonly connect: { sendSpec: string; recvSpec: string };
  }): Promise<LimitedApp> {
    const app = new LimitedApp(mongrel2.port);
    const handler = fetchHandler((incoming, info) => app.answer(incoming, info.remoteAddress), {
      trustProxy: ['loopback'],
      maxPayload: 10_000,
      websocket: {},
    });
    const connection = { ...mongrel2.connect, bodyLimit: 100_000 };
    const options = { backend: asyncBackend(), maxInFlight: 1, maxQueueBytes: 0, requestTimeoutMs: 1500 };
    app.started = await serve(handler, connection, options);
    await within(app.started.ready, 'm2 is connected');
    return app;
  }

  get server(): Server {
    if (this.started === undefined) throw new Error('It was not started.');
    return this.started;
  }

  /** Sends these very bytes on a connection of their own. */
  async send(bytes: string): Promise<RawResponse> {
    const client = await RawClient.connect(this.port);
    try {
      client.write(bytes);
      return await client.response();
    } finally {
      await client.close();
    }
  }

  /** Sends them, and waits until the connection is closed after the answer. */
  async sendToTheEnd(bytes: string): Promise<RawResponse> {
    const client = await RawClient.connect(this.port);
    client.write(bytes);
    const response = await client.response();
    await client.closed();
    await client.close();
    return response;
  }

  async status(...parts: Parameters<typeof request>): Promise<number> {
    return (await this.send(request(...parts))).status;
  }

  private async answer(incoming: Request, remoteAddress: string): Promise<Response> {
    const { pathname } = new URL(incoming.url);
    this.seen.add(pathname);
    if (pathname === '/wait') {
      await new Promise<void>((resolve) => {
        this.release = resolve;
        incoming.signal.addEventListener('abort', () => resolve());
      });
    }
    if (pathname === '/who') return Response.json([incoming.url, remoteAddress]);
    if (incoming.method === 'POST') return new Response(`${(await incoming.arrayBuffer()).byteLength}`);
    return new Response('in');
  }
}

const lines = (count: number, value = '1') => Array.from({ length: count }, (_, n) => `X-${n}: ${value}`);

type Given = { readonly app: LimitedApp };

function headCases(given: Given): void {
  it('414: a path and query over 8 KiB', async () => {
    expect(await given.app.status('GET', `/${'p'.repeat(8191)}`)).toBe(200);
    expect(await given.app.status('GET', `/${'p'.repeat(8192)}`)).toBe(414);
  });

  it('431: headers over 16 KiB, or over 100 of them', async () => {
    const { app } = given;
    expect(await app.status('GET', '/', lines(15, 'v'.repeat(1000)))).toBe(200);
    expect(await app.status('GET', '/', lines(17, 'v'.repeat(1000)))).toBe(431);
    expect(await app.status('GET', '/', lines(90))).toBe(200);
    expect(await app.status('GET', '/', lines(101))).toBe(431);
  });

  const both = ['Content-Length: 6', 'Transfer-Encoding: chunked'];
  it.each<[string, string]>([
    ['two Hosts', request('GET', '/', ['Host: one', 'Host: two'])],
    ['two Hosts that are the same', request('GET', '/', ['Host: one', 'Host: one'])],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a Host that is none', request('GET', '/', ['Host: a b/c'])],
    ['a Content-Length with letters', `${request('POST', '/', ['Content-Length: 2abc'])}ab`],
    ['a Content-Length with a sign', `${request('POST', '/', ['Content-Length: +2'])}ab`],
    ['two Content-Lengths', `${request('POST', '/', ['Content-Length: 2', 'Content-Length: 3'])}abc`],
    ['both framings', `${request('POST', '/', both)}0\r\n\r\nX`],
    ['both framings, the other way round', `${request('POST', '/', [...both].reverse())}0\r\n\r\nX`],
  ])('400 and the end of the connection: %s', async (_, bytes) => {
    const before = given.app.seen.entries.length;
    expect((await given.app.sendToTheEnd(bytes)).status).toBe(400);
    expect(given.app.seen.entries.length).toBe(before);
  });

  it('57: believes the X-Forwarded headers of a trusted proxy, when Mongrel2 leaves them alone', async () => {
    const forwarded = ['X-Forwarded-For: 6.6.6.6, 203.0.113.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: shop.example'];
    const response = await given.app.send(request('GET', '/who', forwarded));
    expect(JSON.parse(response.text())).toEqual(['https://shop.example/who', '203.0.113.9']);
    const direct = await given.app.send(request('GET', '/who'));
    expect(JSON.parse(direct.text())).toEqual(['http://localhost/who', '127.0.0.1']);
  });
}

function loadCases(given: Given): void {
  it('413: a body over the limit, announced or not', async () => {
    const { app } = given;
    expect(await app.status('POST', '/', [], 'b'.repeat(15_000))).toBe(200);
    expect(await app.status('POST', '/', [], 'b'.repeat(99_000))).toBe(200);
    expect(await app.status('POST', '/', ['Content-Length: 100001'])).toBe(413);
    const chunk = `${(60_000).toString(16)}\r\n${'c'.repeat(60_000)}\r\n`;
    const chunked = `${request('POST', '/', ['Transfer-Encoding: chunked'])}${chunk}${chunk}0\r\n\r\n`;
    expect((await app.send(chunked)).status).toBe(413);
    expect(app.server.stats().counters.tooLarge).toBe(2);
  });

  it('503 with Retry-After: more requests at once than there is room for', async () => {
    const { app } = given;
    const mark = app.seen.entries.length;
    const first = app.send(request('GET', '/wait'));
    await app.seen.first('the first is being answered', (path) => path === '/wait', mark);
    const second = await app.send(request('GET', '/'));
    expect([second.status, second.header('retry-after')]).toEqual([503, '1']);
    app.release();
    expect((await first).status).toBe(200);
    expect(app.server.stats().counters.shed).toBe(1);
  });

  it('504 and the end of the connection: no answer in time', async () => {
    const response = await given.app.sendToTheEnd(request('GET', '/wait'));
    expect([response.status, response.header('connection')]).toEqual([504, 'close']);
    expect(given.app.server.stats().counters.timedOut).toBe(1);
  });

  it('1009: a WebSocket message over the limit', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${given.app.port}/`);
    const closed = new Promise<number>((resolve, reject) => {
      socket.once('close', resolve).once('error', reject);
    });
    await within(new Promise((resolve) => socket.once('open', resolve)), 'the WebSocket opens');
    socket.send('m'.repeat(10_001));
    expect(await within(closed, 'the WebSocket is closed')).toBe(1009);
  });
}

describeWithMongrel2('limits behind the real Mongrel2', { settings: SETTINGS }, (fixture) => {
  let app: LimitedApp;
  const given: Given = {
    get app() {
      return app;
    },
  };
  beforeAll(async () => {
    app = await LimitedApp.start(fixture.mongrel2);
  });
  afterAll(async () => {
    await app.server.stop({ graceMs: 0 });
    const { received, replied, clientGone, shed, workerDied, timedOut } = app.server.stats().counters;
    expect(replied + clientGone + shed + workerDied + timedOut).toBe(received);
    expect(fixture.mongrel2.badReplies()).toBe(0);
  });
  headCases(given);
  loadCases(given);
});

describeWithMongrel2('gzip behind the real Mongrel2', {}, (given) => {
  it('lets each event be read when it was sent', async () => {
    const events: ((text: string | undefined) => void)[] = [];
    const app = () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            events.push((text) => (text === undefined ? controller.close() : controller.enqueue(new TextEncoder().encode(text))));
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      );
    const server = await serve(fetchHandler(app, { middleware: [gzip()] }), given.mongrel2.connect, { backend: asyncBackend() });
    await within(server.ready, 'm2 is connected');
    for (const coding of ['gzip', 'br']) {
      const response = await within(fetch(given.mongrel2.url, { headers: { 'accept-encoding': coding } }), 'the head comes');
      expect(response.headers.get('content-encoding')).toBe(coding);
      const send = events.pop() ?? (() => {});
      const reader = response.body?.getReader();
      const decoder = new TextDecoder();
      for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
        send(event);
        let seen = '';
        while (seen !== event) {
          const result = await within(
            reader?.read() ?? Promise.reject(new Error('There is no body.')),
            `${coding}: ${event.trim()} comes`,
          );
          seen += decoder.decode(result.value);
          expect([result.done, event.startsWith(seen)]).toEqual([false, true]);
        }
      }
      send(undefined);
      expect(await within(reader?.read() ?? Promise.reject(new Error('There is no body.')), 'the end comes')).toMatchObject({
        done: true,
      });
    }
    await server.stop();
  });
});
