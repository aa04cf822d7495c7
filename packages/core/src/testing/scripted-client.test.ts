import { describe, expect, it } from 'vitest';
import { collecting, settled, start } from '../../test/harness.js';
import { ManualClock } from './index.js';

/** What the handler was told, without requests. */
async function told(setup: Parameters<typeof start>[1] = {}) {
  const handler = collecting();
  const running = await start(handler, setup);
  const notices = () => handler.messages.filter(({ kind }) => kind === 'disconnect').map(({ id }) => id);
  return { ...running, handler, notices };
}

describe('When a disconnect notice is sent', () => {
  it('for a client that leaves, with or without an outstanding request', async () => {
    const { mongrel2, handler, notices } = await told();
    const [asking, idle] = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    handler.exchanges[1]?.respond(200, []);
    await idle.response();
    idle.disconnect();
    asking.disconnect();
    await settled();
    expect(notices()).toEqual([2, 1]);
  });

  it('not for a connection that no handler saw, nor for silent kills', async () => {
    const { mongrel2, notices } = await told();
    mongrel2.connect().disconnect();
    mongrel2.connect().request().killSilently();
    await settled();
    expect(notices()).toEqual([]);
  });

  it('on SIGTERM for all, on a crash for none', async () => {
    const { mongrel2, notices } = await told();
    mongrel2.connect().request();
    mongrel2.connect();
    await settled();
    await mongrel2.stop();
    await settled();
    expect(notices()).toEqual([1]);
    await mongrel2.restart();
    mongrel2.connect().request();
    await settled();
    await mongrel2.kill();
    await settled();
    expect(notices()).toEqual([1]);
  });

  it('only once credits come, for one that leaves while its upload waits for them', async () => {
    const { mongrel2, handler, notices } = await told();
    const client = mongrel2.connect().request({ body: new Uint8Array(50_000) });
    await settled();
    client.disconnect();
    await settled();
    expect([notices(), client.canSend]).toEqual([[], false]);
    handler.clients[0]?.grantCredits(10);
    await settled();
    expect(notices()).toEqual([1]);
  });
});

describe('Streamed uploads', () => {
  it('send nothing but the first part without credits, and never more than they allow', async () => {
    const { mongrel2, handler } = await told();
    mongrel2.connect().request({ body: new Uint8Array(50_000) });
    await settled();
    handler.clients[0]?.grantCredits(30_000);
    await settled();
    const parts = handler.messages.map((message) => [
      message.kind,
      message.body.length,
      message.kind === 'upload-part' ? [message.offset, message.done] : undefined,
    ]);
    expect(parts).toEqual([
      ['http', 4096, undefined],
      ['upload-part', 20_480, [4096, false]],
      ['upload-part', 9_520, [24_576, false]],
    ]);
    handler.clients[0]?.grantCredits(30_000);
    await settled();
    expect(handler.messages.at(-1)).toMatchObject({ kind: 'upload-part', offset: 34_096, done: true });
    handler.exchanges[0]?.respond(200, []);
  });

  it('send one whole chunk per part, offset 0 twice, and an empty last one', async () => {
    const { mongrel2, handler } = await told();
    mongrel2.connect().request({ chunks: ['hello', 'x'.repeat(1000)] });
    await settled();
    for (let n = 0; n < 3; n++) handler.clients[0]?.grantCredits(6);
    handler.clients[0]?.grantCredits(2000);
    await settled();
    const parts = handler.messages.flatMap((message) =>
      message.kind === 'upload-part' ? [[message.offset, message.body.length, message.done]] : [],
    );
    expect(parts).toEqual([
      [0, 5, false],
      [5, 1000, false],
      [1005, 0, true],
    ]);
    handler.exchanges[0]?.respond(200, []);
  });

  it('hold back the requests behind them', async () => {
    const { mongrel2, handler } = await told();
    mongrel2
      .connect()
      .request({ body: new Uint8Array(30_000) })
      .request({ path: '/next' });
    await settled();
    expect(handler.messages).toHaveLength(1);
    handler.exchanges[0]?.respond(200, []);
    await settled();
    expect(handler.messages.at(-1)?.path).toBe('/next');
    handler.exchanges[1]?.respond(200, []);
  });
});

describe('Idle limits', () => {
  it('cut what is quiet after about 125 seconds, but not what writes much or is pinged', async () => {
    const clock = new ManualClock();
    const { mongrel2, handler, notices } = await told({ connection: { clock, keepAliveMs: 0, flowControl: 'off' } });
    const [quiet, pinged, fed, talking] = Array.from({ length: 4 }, () => mongrel2.connect().socketMessage('@a', '{}'));
    await settled();
    handler.clients[2]?.send('x'.repeat(100_000));
    for (let n = 0; n < 6; n++) {
      await clock.advanceInTicks(25_000);
      handler.clients[1]?.keepAlive();
      talking?.socketMessage('@a', '{"type":"ping"}');
    }
    expect([quiet, pinged, fed, talking].map((client) => client?.closedBy)).toEqual(['killed', undefined, undefined, undefined]);
    expect(notices()).toEqual([]);
  });
});

describe('What a client makes of its bytes', () => {
  it.each([
    ['no status line', 'HTTP/2 200 OK\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'],
    ['a chunk too long', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n'],
    ['a chunk size with a sign', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nX : y\r\n\r\n'],
    ['an answer that nobody asked for', 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'],
  ])('refuses %s', async (_, bytes) => {
    const { mongrel2, handler } = await told();
    const client = mongrel2.connect().request();
    await settled();
    handler.clients[0]?.send(bytes);
    await settled();
    await Promise.resolve(client.response()).catch(() => {});
    await expect(client.response()).rejects.toThrow();
    handler.exchanges[0]?.destroy();
  });

  it('refuses chunks and interim answers to HTTP/1.0', async () => {
    for (const bytes of ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\n\r\n']) {
      const { mongrel2, handler } = await told();
      const client = mongrel2.connect().request({ version: 'HTTP/1.0' });
      await settled();
      handler.clients[0]?.send(bytes);
      await expect(client.response()).rejects.toThrow();
      handler.exchanges[0]?.destroy();
    }
  });

  it('puts together what comes byte by byte, trailers too', async () => {
    const { mongrel2, handler } = await told({ mongrel2: { flowControl: true } });
    const client = mongrel2.connect().request();
    await settled();
    const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, everyone\r\n0\r\nX-T: 1\r\n\r\n';
    for (const byte of bytes) {
      handler.clients[0]?.send(byte);
      await settled();
    }
    const response = await client.response();
    expect([response.text, response.trailers]).toEqual(['hello, everyone', [['X-T', '1']]]);
    handler.exchanges[0]?.destroy();
  });

  it('says what was under way when the connection closed', async () => {
    const { mongrel2, handler } = await told();
    const client = mongrel2.connect().request();
    await settled();
    handler.clients[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    handler.clients[0]?.close();
    await expect(client.response()).rejects.toThrow('after 4 bytes');
    expect(() => client.request()).toThrow('is closed');
    const silent = mongrel2.connect().request();
    silent.killSilently();
    await expect(silent.response()).rejects.toThrow('by killed');
  });
});
