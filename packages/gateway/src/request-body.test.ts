import { M2Error } from '@m2/core';
import { turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { connect, deferred, serveApp } from '../test/harness.js';

const MEGABYTE = 'x'.repeat(1024 * 1024);
const LARGE = 'y'.repeat(100_000);

describe('request bodies', () => {
  it.each(['text', 'arrayBuffer', 'blob'] as const)('18: that are streamed are read whole by %s()', async (verb) => {
    const { ask, lines } = await serveApp(async (request) => {
      const body = await request[verb]();
      return new Response(
        `${typeof body === 'string' ? body.length : body instanceof Blob ? body.size : body.byteLength} ${request.bodyUsed}`,
      );
    });
    expect((await ask({ body: LARGE })).text).toBe('100000 true');
    expect((await ask({ chunks: ['a', 'bc', 'def'] })).text).toBe('6 true');
    expect(lines).toEqual([]);
  });

  it('16: wait for an app that asks late', async () => {
    const { mongrel2 } = await serveApp(async (request) => {
      await turns(20);
      return new Response(`${(await request.text()).length}`);
    });
    const client = connect(mongrel2, { body: LARGE });
    expect((await client.response()).text).toBe('100000');
    expect((await client.request({ body: 'whole' }).response()).text).toBe('5');
  });

  it('18: come no faster than the app reads', async () => {
    const read = deferred();
    const began = deferred();
    const { mongrel2 } = await serveApp(async (request) => {
      const reader = request.body?.getReader();
      await reader?.read();
      began.resolve();
      await read.promise;
      let length = 0;
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) length += part.value.length;
      return new Response(`${length > 0}`);
    });
    const client = connect(mongrel2, { body: MEGABYTE.repeat(3) });
    await began.promise;
    await turns(30);
    const { messages } = mongrel2.counters;
    expect(messages).toBeLessThan(40);
    await turns(30);
    expect(mongrel2.counters.messages).toBe(messages);
    read.resolve();
    expect((await client.response()).text).toBe('true');
  });

  it('can be read into a buffer of the app’s own', async () => {
    const { ask } = await serveApp(async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
      let length = 0;
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(5000));
        if (done) return new Response(`${length}`);
        length += value.length;
      }
    });
    expect((await ask({ body: LARGE })).text).toBe('100000');
  });

  it('are echoed while they come', async () => {
    const { ask } = await serveApp((request) => new Response(request.body));
    const response = await ask({ body: MEGABYTE });
    expect([response.framing, response.text === MEGABYTE]).toEqual(['chunked', true]);
    expect((await ask({ body: 'small' })).text).toBe('small');
  });

  it('21: fail with an AbortError when the client leaves before the end', async () => {
    const began = deferred();
    const failed = deferred<unknown>();
    const { mongrel2, server, lines } = await serveApp(async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      began.resolve();
      try {
        for (;;) if ((await reader.read()).done) return new Response('all');
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
    });
    const client = mongrel2.connect();
    client.slow();
    client.request({ chunks: Array.from({ length: 2000 }, () => 'z'.repeat(1000)) });
    client.response().catch(() => {});
    await began.promise;
    client.disconnect();
    expect(await failed.promise).toMatchObject({ name: 'AbortError', cause: { code: 'M2_CLIENT_GONE' } });
    await turns(4);
    expect(server.stats().counters).toMatchObject({ clientGone: 1, handlerErrors: 0 });
    expect(lines).toEqual([]);
  });

  it('21: that were not read when the answer was complete fail too, and never hang or end early', async () => {
    const late = deferred<{ text: Promise<string> }>();
    const { ask } = await serveApp((request) => {
      const text = request.text();
      text.catch(() => {});
      late.resolve({ text });
      return new Response('early');
    });
    expect((await ask({ body: LARGE })).text).toBe('early');
    const error = await (await late.promise).text.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(M2Error.is((error as Error).cause)).toBe(true);
  });

  it('that came whole stay readable after the answer', async () => {
    const answered = deferred();
    const read = deferred<string>();
    const { ask } = await serveApp((request, { waitUntil }) => {
      waitUntil(answered.promise.then(async () => read.resolve(await request.text())));
      return new Response('early');
    });
    expect((await ask({ body: 'whole' })).text).toBe('early');
    answered.resolve();
    expect(await read.promise).toBe('whole');
  });

  it('that nobody reads do not hold up the connection', async () => {
    const { mongrel2 } = await serveApp(() => new Response('unread'));
    const client = connect(mongrel2, { body: LARGE });
    expect((await client.response()).text).toBe('unread');
    expect((await client.request().response()).text).toBe('unread');
  });
});

describe('request.signal', () => {
  it('59: aborts when the client leaves', async () => {
    const signals: AbortSignal[] = [];
    const aborted = deferred<unknown>();
    const { mongrel2 } = await serveApp((request) => {
      request.signal.addEventListener('abort', () => aborted.resolve(request.signal.reason));
      signals.push(request.signal);
      return new Promise(() => {});
    });
    const client = connect(mongrel2);
    client.response().catch(() => {});
    await turns(4);
    expect(signals.map((signal) => signal.aborted)).toEqual([false]);
    client.disconnect();
    expect(await aborted.promise).toMatchObject({ name: 'AbortError' });
  });

  it.each(['GET', 'POST'])('60: never aborts after a complete answer to %s', async (method) => {
    const signals: AbortSignal[] = [];
    const { mongrel2 } = await serveApp((request) => {
      signals.push(request.signal, new Request(request.url, { signal: request.signal }).signal);
      return new Response('done');
    });
    const client = connect(mongrel2, { method });
    await client.response();
    client.disconnect();
    await turns(6);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  it('61: is not aborted when it is first read after the body', async () => {
    const { ask } = await serveApp(async (request) => {
      await request.text();
      return new Response(`${request.signal.aborted}`);
    });
    expect((await ask({ body: 'x' })).text).toBe('false');
    expect((await ask({ body: LARGE })).text).toBe('false');
  });
});
