import type { Handler, M2Request } from '@m2/core';
import { eventually } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';
import { echo, frames } from '../test/websocket-harness.js';
import { combineHandlers, defineWebSocket, fetchHandler, webSocketHandler } from './index.js';

/** A handler that keeps what it got. */
function keeping(): Handler & { readonly kinds: M2Request['kind'][]; readonly calls: string[] } {
  const kinds: M2Request['kind'][] = [];
  const calls: string[] = [];
  return {
    kinds,
    calls,
    handle: (message) => void kinds.push(message.kind),
    stopping: (graceMs) => void calls.push(`stopping ${graceMs}`),
    close: async () => void calls.push('close'),
  };
}

const hello = () => new Response('hello');

describe('combineHandlers', () => {
  it('gives each handler its kinds of messages, and notices to all', async () => {
    const socket = keeping();
    const websocket = webSocketHandler(echo);
    const { ask, mongrel2 } = await serveApp({ handler: combineHandlers({ http: fetchHandler(hello), websocket, socket }) });
    expect((await ask()).text).toBe('hello');
    const client = mongrel2.connect().upgrade().frame('over a WebSocket');
    expect((await frames(client, 1))[0]?.text).toBe('over a WebSocket');
    const json = mongrel2.connect().socketMessage('@chat', '{}').socketMessage('@chat', '{}');
    await eventually(() => socket.kinds.length === 2, 'both came');
    json.disconnect();
    client.disconnect();
    await eventually(() => socket.kinds.length === 4, 'both notices came');
    expect(socket.kinds).toEqual(['json-socket', 'json-socket', 'disconnect', 'disconnect']);
    expect(websocket.stats().peers).toBe(0);
  });

  it('answers what has no handler', async () => {
    const { ask, mongrel2 } = await serveApp({ handler: combineHandlers({}) });
    expect((await ask()).status).toBe(404);
    const client = mongrel2.connect().upgrade();
    expect([(await client.response()).status, await client.closed]).toEqual([426, 'handler']);
    expect(await mongrel2.connect().socketMessage('@x', '{}').closed).toBe('handler');
  });

  it('stops and closes each handler once, whatever the others do', async () => {
    const [one, other] = [keeping(), keeping()];
    const broken: Handler = {
      handle: () => {},
      stopping: () => {
        throw new Error('broken stopping');
      },
      close: () => {
        throw new Error('broken close');
      },
    };
    const { server, lines } = await serveApp({ handler: combineHandlers({ http: broken, websocket: one, socket: other }) });
    await server.stop({ graceMs: 1234 });
    expect([one.calls, other.calls]).toEqual([
      ['stopping 1234', 'close'],
      ['stopping 1234', 'close'],
    ]);
    expect(lines).toMatchObject([{ error: { message: 'broken stopping' } }, { error: { message: 'broken close' } }]);
    const twice = keeping();
    const second = await serveApp({ handler: combineHandlers({ http: twice, socket: twice }) });
    await second.server.stop({ graceMs: 1 });
    expect(twice.calls).toEqual(['stopping 1', 'close']);
  });
});

describe('fetchHandler with WebSockets', () => {
  it.each([
    ['hooks', echo],
    ['hooks with settings', defineWebSocket(echo, { maxPayload: 100 })],
    ['a handler', webSocketHandler(echo)],
  ])('takes %s', async (_, websocket) => {
    const { ask, mongrel2 } = await serveApp(hello, { handler: { websocket, rootPath: '/' } });
    expect((await ask()).text).toBe('hello');
    const client = mongrel2.connect().upgrade().frame('echo');
    expect((await frames(client, 1))[0]?.text).toBe('echo');
    expect(await mongrel2.connect().socketMessage('@x', '{}').closed).toBe('handler');
  });

  it('hands its settings on, and those of defineWebSocket go first', async () => {
    const { mongrel2 } = await serveApp(hello, {
      handler: { websocket: defineWebSocket(echo, { maxPayload: 3 }), rootPath: '/app' },
    });
    expect((await mongrel2.connect().upgrade({ path: '/' }).response()).status).toBe(404);
    const client = mongrel2.connect().upgrade({ path: '/app/x' }).frame('four');
    expect(await client.closed).toBe('handler');
    const own = defineWebSocket(echo, { rootPath: '/own' });
    const other = await serveApp(hello, { handler: { websocket: own, rootPath: '/app' } });
    expect((await other.mongrel2.connect().upgrade({ path: '/own' }).response()).status).toBe(101);
  });

  it('a request can publish', async () => {
    const sockets = webSocketHandler({ open: (peer) => peer.subscribe('news') });
    const app = async (request: Request) => new Response(`${sockets.publish('news', await request.text())}`);
    const { ask, mongrel2 } = await serveApp(app, { handler: { websocket: sockets } });
    const client = mongrel2.connect().upgrade();
    await client.response();
    expect((await ask({ body: 'extra, extra' })).text).toBe('1');
    expect((await frames(client, 1))[0]?.text).toBe('extra, extra');
  });

  it('without them answers handshakes 426', async () => {
    const { mongrel2 } = await serveApp(hello);
    expect((await mongrel2.connect().upgrade().response()).status).toBe(426);
  });
});
