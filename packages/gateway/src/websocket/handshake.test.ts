import { eventually, type ScriptedRequest } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { deferred, type Running } from '../../test/harness.js';
import { echo, frames, recording, serveSockets } from '../../test/websocket-harness.js';
import type { Acceptance, UpgradeInfo, WebSocketHooks, WebSocketOptions } from '../index.js';

const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

/** A handshake as Mongrel2 hands it on, with some of its headers (`undefined`: left out) or its own keys changed. */
function raw(
  running: Running,
  changes: Record<string, string | readonly string[] | undefined>,
  version = 'HTTP/1.1',
): Promise<string> {
  const headers: Record<string, string | readonly string[] | undefined> = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...changes,
  };
  const given = Object.entries(headers).filter((pair): pair is [string, string | readonly string[]] => pair[1] !== undefined);
  return running.askRaw({
    uri: '/chat?a=1',
    meta: [
      ['METHOD', 'WEBSOCKET_HANDSHAKE'],
      ['VERSION', version],
    ],
    headers: given,
    body: Buffer.from(ACCEPT),
  });
}

const serve = (hooks: WebSocketHooks = {}, options: WebSocketOptions = {}) => serveSockets(hooks, { options });

const REFUSED: readonly (readonly [
  name: string,
  changes: Record<string, string | readonly string[] | undefined>,
  status: number,
])[] = [
  ['version 8', { 'sec-websocket-version': '8' }, 426],
  ['no version', { 'sec-websocket-version': undefined }, 426],
  ['two versions', { 'sec-websocket-version': ['13', '8'] }, 426],
  ['a key of 15 bytes', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25j' }, 400],
  ['a key that is no base64', { 'sec-websocket-key': '!GhlIHNhbXBsZSBub25jZQ==' }, 400],
  ['two keys', { 'sec-websocket-key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }, 400],
  ['another upgrade', { upgrade: 'h2c' }, 400],
  ['a body', { 'content-length': '3' }, 400],
  ['a chunked body', { 'transfer-encoding': 'chunked' }, 400],
  ['no host', { host: undefined }, 400],
  ['two hosts', { host: ['a', 'b'] }, 400],
  ['a subprotocol that is no token', { 'sec-websocket-protocol': 'chat, a b' }, 400],
  ['the same subprotocol twice', { 'sec-websocket-protocol': ['chat', 'superchat, chat'] }, 400],
];

describe('handshakes (RFC 6455 section 4.2)', () => {
  it('are accepted with the accept value that Mongrel2 made', async () => {
    const text = await raw(await serve(), {});
    expect(text).toBe(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
  });

  it.each(REFUSED)('with %s are refused', async (_, changes, status) => {
    const hooks = recording({ upgrade: () => expect.unreachable('the handshake is not valid') });
    const running = await serve(hooks);
    const text = await raw(running, changes);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n`));
    if (status === 426) expect(text).toContain('\r\nSec-WebSocket-Version: 13\r\n');
    expect(hooks.events).toEqual([]);
    expect(running.sockets.stats()).toMatchObject({ refused: 1, opened: 0, peers: 0, upgrading: 0 });
  });

  it('of HTTP/1.0 are refused', async () => {
    expect(await raw(await serve(), {}, 'HTTP/1.0')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAB==' },
    { upgrade: 'WebSocket' },
    { upgrade: ['h2c', 'websocket'] },
    { 'content-length': '0' },
    { 'sec-websocket-extensions': 'x-unknown; =' },
  ])('with %j are accepted', async (changes) => {
    expect(await raw(await serve(), changes)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('beyond maxPeers get 503, and those that follow a leaver do not', async () => {
    const { open, mongrel2, sockets } = await serve(recording(), { maxPeers: 2 });
    const [first] = [await open(), await open()];
    const third = await mongrel2.connect().upgrade().response();
    expect([third.status, third.header('retry-after')]).toEqual([503, '1']);
    first?.disconnect();
    await eventually(() => sockets.stats().peers === 1, 'it is gone');
    await open();
    expect(sockets.stats()).toMatchObject({ peers: 2, opened: 3, refused: 1 });
  });

  it('to another address than the one that the app is mounted at get 404', async () => {
    const { open, mongrel2 } = await serve({ upgrade: ({ url }) => ({ headers: { 'x-url': url } }) }, { rootPath: '/shop' });
    expect((await mongrel2.connect().upgrade({ path: '/other' }).response()).status).toBe(404);
    await open({ path: '/shop/live' });
    const response = await mongrel2.connect().upgrade({ path: '/shop/live?a' }).response();
    expect(response.header('x-url')).toBe('http://localhost/live?a');
  });

  it('plain requests get 426, and JSON sockets are closed', async () => {
    const { ask, mongrel2 } = await serve(echo);
    const response = await ask('/');
    expect([response.status, response.header('connection')]).toEqual([426, 'close']);
    expect(await mongrel2.connect().socketMessage('@x', '{}').closed).toBe('handler');
  });
});

const withOrigin = (origin: string): ScriptedRequest => ({
  headers: [
    ['origin', origin],
    ['host', 'app.example:8080'],
  ],
});

describe('origins (RFC 6455 section 10.2)', () => {
  it.each([
    [undefined, 'https://evil.example', 101],
    [['https://a.example'], 'https://a.example', 101],
    [['https://a.example'], 'https://a.example.evil', 403],
    [['https://a.example'], 'null', 403],
    [['self'], 'https://app.example:8080', 101],
    [['self'], 'http://APP.example:8080', 101],
    [['self'], 'https://app.example', 403],
    [(origin: string | undefined) => origin === 'x', 'x', 101],
    [(origin: string | undefined) => origin === 'x', 'y', 403],
  ] as const)('%s: %s gets %i', async (origins, origin, status) => {
    const { mongrel2 } = await serve({}, { origins });
    expect((await mongrel2.connect().upgrade(withOrigin(origin)).response()).status).toBe(status);
  });

  it('a program without one passes a list, and a function decides itself', async () => {
    await (await serve({}, { origins: ['self'] })).open();
    const { mongrel2 } = await serve({}, { origins: (origin) => origin !== undefined });
    expect((await mongrel2.connect().upgrade().response()).status).toBe(403);
  });
});

const offering = (protocols: string): ScriptedRequest => ({ headers: [['sec-websocket-protocol', protocols]] });

/** What would make another handshake of it than the client's. */
const BREAKING: readonly Acceptance<Record<string, unknown>>[] = [
  { protocol: 'other' },
  { headers: { 'sec-websocket-accept': 'x' } },
  { headers: { 'sec-websocket-extensions': 'x' } },
];

describe('subprotocols (RFC 6455 section 1.9)', () => {
  it.each([
    [['v2', 'v1'], 'v1, v2', 'v2'],
    [['v2', 'v1'], 'v1', 'v1'],
    [['v2'], 'v1', undefined],
    [[], 'v1', undefined],
  ])('of %j and an offer of %s, %s is chosen', async (protocols, offer, chosen) => {
    const hooks = recording();
    const { mongrel2 } = await serve(hooks, { protocols });
    const response = await mongrel2.connect().upgrade(offering(offer)).response();
    expect([response.status, response.header('sec-websocket-protocol')]).toEqual([101, chosen]);
    expect(hooks.peers[0]?.protocol).toBe(chosen ?? '');
  });

  it.each<Acceptance<Record<string, unknown>>>([{ protocol: 'b' }, { headers: { 'Sec-WebSocket-Protocol': 'b' } }])(
    'upgrade() chooses with %j',
    async (answer) => {
      const { mongrel2 } = await serve({ upgrade: () => answer }, { protocols: ['a'] });
      const response = await mongrel2.connect().upgrade(offering('a,b')).response();
      expect(response.all('sec-websocket-protocol')).toEqual(['b']);
    },
  );

  it.each(BREAKING)('an answer with %j would break the handshake: 500', async (answer) => {
    const { mongrel2, lines, sockets } = await serve({ upgrade: () => answer });
    const client = mongrel2.connect().upgrade(offering('a'));
    expect((await client.response()).status).toBe(500);
    expect(await client.closed).toBe('handler');
    expect(lines).toMatchObject([{ level: 'error', error: { code: 'M2_OPTION_INVALID' } }]);
    expect(sockets.stats()).toMatchObject({ refused: 1, hookErrors: 1, peers: 0, upgrading: 0 });
  });

  it('a subprotocol of the options must be a token', async () => {
    await expect(serve({}, { protocols: ['a b'] })).rejects.toMatchObject({ code: 'M2_OPTION_INVALID' });
    await expect(serve({}, { maxPayload: -1 })).rejects.toMatchObject({ code: 'M2_OPTION_INVALID' });
  });
});

describe('upgrade()', () => {
  it('sees the request and what it offers; the peer keeps both', async () => {
    const seen: [Request, UpgradeInfo][] = [];
    const hooks = recording({
      upgrade(request, info) {
        seen.push([request, info]);
        return {
          context: { user: request.headers.get('cookie') },
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
          ],
        };
      },
    });
    const { mongrel2 } = await serve(hooks);
    const headers = [
      ['cookie', 'me'],
      ['sec-websocket-protocol', 'a, b'],
    ] as const;
    const response = await mongrel2.connect().upgrade({ path: '/chat?room=1', headers }).response();
    expect(response.all('set-cookie')).toEqual(['a=1', 'b=2']);
    const [[request, info]] = seen as [[Request, UpgradeInfo]];
    // What a peer keeps must not keep what its handshake was read with.
    expect(info.message.body.buffer.byteLength).toBe(ACCEPT.length);
    expect([request.method, request.url, request.body, request.signal.aborted]).toEqual([
      'GET',
      'http://localhost/chat?room=1',
      null,
      false,
    ]);
    expect(info).toMatchObject({ remoteAddress: '127.0.0.1', protocols: ['a', 'b'], message: { kind: 'websocket-handshake' } });
    const [peer] = hooks.peers;
    expect(peer).toMatchObject({
      context: { user: 'me' },
      remoteAddress: '127.0.0.1',
      id: 'scripted/1/1',
      extensions: '',
      readyState: 1,
    });
    expect([peer?.request.url, peer?.request.headers.get('cookie')]).toEqual(['http://localhost/chat?room=1', 'me']);
  });

  it.each([
    ['returns', () => new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic' } })],
    [
      'throws',
      () => {
        throw new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic' } });
      },
    ],
    ['resolves to', async () => new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic' } })],
    [
      'rejects with',
      async () => {
        throw new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic' } });
      },
    ],
  ])('%s a Response: that is the answer, and the connection is closed', async (_, upgrade) => {
    const hooks = recording({ upgrade });
    const { mongrel2, sockets } = await serve(hooks);
    const client = mongrel2.connect().upgrade();
    const response = await client.response();
    expect([response.status, response.header('www-authenticate'), response.text]).toEqual([401, 'Basic', 'no']);
    expect(response.header('connection')).toBe('close');
    expect(await client.closed).toBe('handler');
    expect(hooks.events).toEqual([]);
    expect(sockets.stats()).toMatchObject({ refused: 1, peers: 0, upgrading: 0 });
  });

  it('refuses with a streamed Response too', async () => {
    const body = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('streamed'));
          controller.close();
        },
      });
    const { mongrel2 } = await serve({ upgrade: () => new Response(body(), { status: 403 }) });
    const client = mongrel2.connect().upgrade();
    expect([(await client.response()).text, await client.closed]).toEqual(['streamed', 'handler']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('secret');
      },
    ],
  ])('%s an error: 500, logged, told to nobody', async (_, upgrade) => {
    const { mongrel2, lines, sockets } = await serve({ upgrade });
    const client = mongrel2.connect().upgrade();
    const response = await client.response();
    expect([response.status, response.text]).toEqual([500, 'Internal Server Error\n']);
    expect(await client.closed).toBe('handler');
    expect(lines).toMatchObject([{ level: 'error', error: { message: 'secret' } }]);
    expect(sockets.stats()).toMatchObject({ refused: 1, hookErrors: 1, upgrading: 0 });
  });
});

describe('upgrade() that takes its time', () => {
  it('frames that come before its answer wait, in order', async () => {
    const decision = deferred();
    const hooks = recording({ ...echo, upgrade: () => decision.promise });
    const { mongrel2, sockets } = await serve(hooks);
    const client = mongrel2.connect().upgrade().frame('early 1').frame('early 2').frame('', 0x89);
    await eventually(() => sockets.stats().upgrading === 1, 'the hook is called');
    expect(client.received).toHaveLength(0);
    decision.resolve();
    expect((await client.response()).status).toBe(101);
    expect((await frames(client, 3)).map(({ opcode, text }) => [opcode, text])).toEqual([
      [1, 'early 1'],
      [1, 'early 2'],
      [10, ''],
    ]);
    expect(hooks.events).toEqual(['open', 'message early 1', 'message early 2']);
  });

  it('when the client leaves, its signal aborts, and no hook is called', async () => {
    const decision = deferred();
    let signal: AbortSignal | undefined;
    const hooks = recording({
      upgrade: (request) => {
        signal = request.signal;
        return decision.promise;
      },
    });
    const { mongrel2, sockets, lines } = await serve(hooks);
    const client = mongrel2.connect().upgrade().frame('early');
    await eventually(() => signal !== undefined, 'the hook is called');
    client.disconnect();
    await eventually(() => sockets.stats().upgrading === 0, 'the handshake is over');
    expect(signal?.aborted).toBe(true);
    decision.resolve();
    await decision.promise;
    expect(hooks.events).toEqual([]);
    expect(sockets.stats()).toMatchObject({ opened: 0, peers: 0 });
    expect(lines).toEqual([]);
  });

  it('the answer is 503 when the server has begun to stop', async () => {
    const decision = deferred();
    const hooks = recording({ upgrade: () => decision.promise });
    const { mongrel2, sockets, server } = await serve(hooks);
    const client = mongrel2.connect().upgrade();
    await eventually(() => sockets.stats().upgrading === 1, 'the hook is called');
    const stopped = server.stop({ graceMs: 60_000 });
    decision.resolve();
    expect((await client.response()).status).toBe(503);
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(hooks.events).toEqual([]);
  });

  it('no more early frames are kept than maxQueuedBytes', async () => {
    const decision = deferred();
    const { mongrel2, sockets } = await serve({ upgrade: () => decision.promise }, { maxQueuedBytes: 100_000 });
    const client = mongrel2.connect().upgrade();
    for (let n = 0; n < 11; n++) client.frame(new Uint8Array(10_000), 0x82);
    expect((await client.response()).status).toBe(503);
    expect(await client.closed).toBe('handler');
    decision.resolve();
    await decision.promise;
    expect(sockets.stats()).toMatchObject({ refused: 1, violations: 1, opened: 0, upgrading: 0 });
  });
});
