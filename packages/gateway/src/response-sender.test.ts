import { ManualClock, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { fed } from '../test/fed-stream.js';
import { connect, deferred, onlyFailure, serveApp } from '../test/harness.js';

const encoder = new TextEncoder();

/** A stream that has all it will ever have. */
function ready() {
  const { stream, push, end } = fed();
  push('now');
  end();
  return stream;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('whole responses', () => {
  const bodies: [string, () => BodyInit | null, string][] = [
    ['a text', () => 'z\u00fcrich \ud800', 'z\u00fcrich \ufffd'],
    ['an empty text', () => '', ''],
    ['nothing', () => null, ''],
    ['bytes', () => encoder.encode('bytes'), 'bytes'],
    ['a buffer', () => encoder.encode('buffer').buffer, 'buffer'],
    ['search parameters', () => new URLSearchParams({ a: '\u00fc' }), 'a=%C3%BC'],
    ['a stream that is there already', ready, 'now'],
    ['an empty stream', () => new ReadableStream({ start: (c) => c.close() }), ''],
  ];

  it.each(bodies)('send %s with its length', async (_, body, expected) => {
    const { ask } = await serveApp(() => new Response(body()));
    const response = await ask();
    expect([response.text, response.framing, response.header('content-length')]).toEqual([
      expected,
      'length',
      `${encoder.encode(expected).length}`,
    ]);
  });

  it('send a blob and a form', async () => {
    const { ask } = await serveApp(({ url }) => {
      const form = new FormData();
      form.set('a', 'b');
      return new Response(url.endsWith('/form') ? form : new Blob(['blob'], { type: 'text/x' }));
    });
    const blob = await ask('/blob');
    expect([blob.text, blob.header('content-type')]).toEqual(['blob', 'text/x']);
    expect((await ask('/form')).text).toContain('name="a"\r\n\r\nb');
  });

  it('send one half of a clone', async () => {
    const { ask } = await serveApp(async () => {
      const response = new Response('twice');
      const copy = response.clone();
      return new Response(`${await copy.text()} ${await response.text()}`);
    });
    expect((await ask()).text).toBe('twice twice');
    const half = await serveApp(() => {
      const response = new Response('half');
      response.clone();
      return response;
    });
    expect((await half.ask()).text).toBe('half');
  });

  it('38: send every Set-Cookie on a line of its own, in order', async () => {
    const { ask } = await serveApp(() => {
      const headers = new Headers({ 'x-a': '1' });
      for (const cookie of ['b=2; Path=/', 'a=1', 'b=3, 4']) headers.append('set-cookie', cookie);
      return new Response('', { headers });
    });
    expect((await ask()).all('set-cookie')).toEqual(['b=2; Path=/', 'a=1', 'b=3, 4']);
  });

  it('34, 35: decide framing and connection themselves', async () => {
    const headers = {
      'transfer-encoding': 'chunked',
      connection: 'keep-alive',
      'keep-alive': 'timeout=5',
      upgrade: 'h2c',
      te: 'x',
      'x-kept': '1',
    };
    const { ask } = await serveApp(() => new Response('body', { headers }));
    const response = await ask();
    expect([response.framing, response.text, response.header('x-kept')]).toEqual(['length', 'body', '1']);
    for (const name of ['connection', 'keep-alive', 'upgrade', 'te', 'transfer-encoding'])
      expect(response.header(name)).toBeUndefined();
  });

  it('43: have one Date and no Server', async () => {
    const { ask } = await serveApp(
      ({ url }) => new Response('', url.endsWith('own') ? { headers: { date: 'Sun, 06 Nov 1994 08:49:37 GMT' } } : {}),
    );
    expect((await ask('/own')).all('date')).toEqual(['Sun, 06 Nov 1994 08:49:37 GMT']);
    const response = await ask();
    expect([response.all('date').length, response.header('server')]).toEqual([1, undefined]);
  });

  it.each([204, 205, 304])('36: send %i without a body', async (status) => {
    const { mongrel2 } = await serveApp(() => new Response(null, { status, headers: { 'x-a': '1' } }));
    const client = connect(mongrel2);
    const response = await client.response();
    expect([response.status, response.text, response.header('x-a')]).toEqual([status, '', '1']);
    expect((await client.request().response()).status).toBe(status);
  });

  it('37: answer HEAD with the length of the body, without it', async () => {
    const { ask } = await serveApp(() => new Response('twelve bytes'));
    const response = await ask({ method: 'HEAD' });
    expect([response.status, response.text]).toEqual([200, '']);
    const bare = await serveApp(() => new Response(null, { headers: { 'content-length': '99' } }));
    expect((await bare.ask({ method: 'HEAD' })).header('content-length')).toBe('99');
  });

  it('25: are closed after HTTP/1.0', async () => {
    const { mongrel2 } = await serveApp(() => new Response('old'));
    const client = connect(mongrel2, { version: 'HTTP/1.0' });
    expect((await client.response()).text).toBe('old');
    expect(await client.closed).toBe('handler');
  });
});

describe('streamed responses', () => {
  it('30: send head and each piece as they come, from the first byte of an event stream', async () => {
    const events = fed();
    const { mongrel2 } = await serveApp(() => new Response(events.stream, { headers: { 'content-type': 'text/event-stream' } }));
    const client = connect(mongrel2);
    await turns(6);
    expect(text(client.received)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      events.push(event);
      await turns(6);
      expect(text(client.received)).toContain(event);
    }
    events.end();
    expect(await client.response()).toMatchObject({ framing: 'chunked', text: 'data: 1\n\ndata: 2\n\n' });
  });

  it('keep the length that the app declares, and are held to it', async () => {
    const body = fed();
    const running = await serveApp(() => new Response(body.stream, { headers: { 'content-length': '4' } }));
    const client = connect(running.mongrel2);
    await turns(4);
    body.push('four');
    body.end();
    expect(await client.response()).toMatchObject({ framing: 'length', text: 'four' });
    expect(running.lines).toEqual([]);
  });

  it.each([
    ['too long', 'fourfive', /8 bytes or more, but its Content-Length says 4/],
    ['too short', 'for', /ended after 3 of the 4 bytes/],
  ])('that are %s are cut off, and the source is told', async (_, sent, line) => {
    const body = fed();
    const running = await serveApp(() => new Response(body.stream, { headers: { 'content-length': '4' } }));
    const client = connect(running.mongrel2);
    await turns(4);
    body.push(sent);
    body.end();
    expect(await client.closed).toBe('handler');
    expect(onlyFailure(running).message).toMatch(line);
    expect(running.server.stats().counters).toMatchObject({ replied: 1, truncated: 1 });
    await expect(client.response()).rejects.toThrow();
  });

  it('41: that fail after their head are cut off, without a word of the error', async () => {
    const body = fed();
    const running = await serveApp(() => new Response(body.stream));
    const client = connect(running.mongrel2);
    body.push('begun');
    await turns(6);
    body.fail(new Error('secret'));
    expect(await client.closed).toBe('handler');
    expect(text(client.received)).not.toContain('secret');
    expect(onlyFailure(running).message).toMatch(/"Error: secret". The answer had begun, so it was cut short/);
    await expect(client.response()).rejects.toThrow(/closed within a response/);
  });

  it.each(['HEAD', 'GET'])('37: are cancelled when no body goes out (%s)', async (method) => {
    const body = fed();
    const nothing = method === 'GET' ? { status: 304 } : {};
    const { ask } = await serveApp(() => {
      const response = new Response(method === 'GET' ? null : body.stream, nothing);
      // No Response can be made so, but those of other implementations come with a body.
      return method === 'GET' ? Object.defineProperty(response, 'body', { value: body.stream }) : response;
    });
    const response = await ask({ method });
    expect([response.text, response.header('content-length')]).toEqual(['', undefined]);
    await body.cancelled;
  });

  it.each(['before the first chunk', 'after it'])('62: are cancelled when the client leaves %s', async (when) => {
    const body = fed();
    const { mongrel2, server, lines } = await serveApp(() => new Response(body.stream));
    const client = connect(mongrel2);
    client.response().catch(() => {});
    await turns(4);
    if (when === 'after it') body.push('first');
    await turns(4);
    client.disconnect();
    expect(await body.cancelled).toMatchObject({ name: 'AbortError' });
    expect(server.stats().counters).toMatchObject({ clientGone: 1, handlerErrors: 0 });
    expect(lines).toEqual([]);
  });

  it('62: are cancelled unread when the client left while the app was busy', async () => {
    const body = fed();
    const began = deferred();
    const answer = deferred();
    const { mongrel2, lines } = await serveApp(async () => {
      began.resolve();
      await answer.promise;
      return new Response(body.stream);
    });
    const client = connect(mongrel2);
    client.response().catch(() => {});
    await began.promise;
    client.disconnect();
    await turns(4);
    answer.resolve();
    await body.cancelled;
    expect(lines).toEqual([]);
  });

  it('2, 18: are pulled only as fast as the client takes them', async () => {
    let pulled = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(16_384));
        },
      });
    const { mongrel2 } = await serveApp(() => new Response(endless()), {
      mongrel2: { flowControl: true },
      connection: { flowControl: 'on' },
    });
    const client = mongrel2.connect();
    client.slow();
    client.request();
    client.response().catch(() => {});
    await turns(50);
    const before = pulled;
    expect(before * 16_384).toBeLessThan(1_000_000);
    await turns(50);
    expect(pulled).toBe(before);
    client.resume();
    await turns(50);
    expect(pulled).toBeGreaterThan(before);
    client.disconnect();
  });
});

describe('streams of events when the server stops', () => {
  const headers = { 'content-type': 'text/event-stream' };

  it('are told by their signal, and may say farewell', async () => {
    const events = fed();
    const { mongrel2, server } = await serveApp((request) => {
      request.signal.addEventListener('abort', async () => {
        // Not at once: what it has to say, it has to ask for first.
        await turns(5);
        events.push('data: bye\n\n');
        events.end();
      });
      return new Response(events.stream, { headers });
    });
    const client = connect(mongrel2);
    await turns(6);
    const stop = server.stop();
    expect((await client.response()).text).toBe('data: bye\n\n');
    expect(await stop).toEqual({ unfinished: 0 });
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 0 });
  });

  it('are ended a second later when they do not end by themselves; other streams go on', async () => {
    const clock = new ManualClock();
    const [events, body] = [fed(), fed()];
    const running = await serveApp(
      (request) => (request.url.endsWith('/events') ? new Response(events.stream, { headers }) : new Response(body.stream)),
      {
        handler: { clock },
        connection: { clock },
        mongrel2: { clock },
      },
    );
    const [one, other] = [connect(running.mongrel2, { path: '/events' }), connect(running.mongrel2, { path: '/body' })];
    await turns(6);
    events.push('data: 1\n\n');
    const stop = running.server.stop({ graceMs: 30_000 });
    await clock.advanceInTicks(999);
    expect(other.closedBy ?? one.closedBy).toBeUndefined();
    await clock.advanceInTicks(20);
    expect(await one.response()).toMatchObject({ framing: 'chunked', text: 'data: 1\n\n' });
    await events.cancelled;
    body.push('whole');
    body.end();
    await clock.advanceInTicks(100);
    expect((await other.response()).text).toBe('whole');
    await clock.advanceInTicks(30_000);
    expect(await stop).toEqual({ unfinished: 0 });
    expect(running.server.stats().counters).toMatchObject({ replied: 2, truncated: 0 });
  });

  it('whatever is still made when the grace time is over is cancelled', async () => {
    const body = fed();
    const { mongrel2, server } = await serveApp(() => new Response(body.stream));
    const client = connect(mongrel2);
    client.response().catch(() => {});
    await turns(6);
    await server.stop({ graceMs: 0 });
    await body.cancelled;
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 1 });
  });
});
