import { once } from 'node:events';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { eventually, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { fed } from '../../test/fed-stream.js';
import { connect, serveApp } from '../../test/harness.js';
import type { FetchInfo } from '../fetch-info.js';
import { gzip } from './gzip.js';
import { AVAILABLE_CODINGS, type ContentCoding } from './zlib-codings.js';

const EVENTS = { 'content-type': 'text/event-stream' };

/** What `gzip` makes of a streamed body. */
async function compressed(
  body: ReadableStream<Uint8Array>,
  accept: string,
  headers: HeadersInit = EVENTS,
): Promise<ReadableStream> {
  const request = new Request('http://h/', { headers: { 'accept-encoding': accept } });
  const response = await gzip()(request, async () => new Response(body, { headers }), {} as FetchInfo);
  expect(response.headers.get('content-encoding')).toBe(accept);
  if (response.body === null) throw new Error('There is no body.');
  return response.body;
}

const DECODERS = { gzip: 'createGunzip', br: 'createBrotliDecompress', zstd: 'createZstdDecompress' } as const;

/** Node's types know nothing of zstd yet. */
const decoderOf = (coding: ContentCoding): Transform =>
  (zlib as unknown as Record<string, () => Transform>)[DECODERS[coding]]?.() as Transform;

describe.each(AVAILABLE_CODINGS)('a streamed body, compressed by %s', (coding) => {
  const decoder = () => decoderOf(coding);

  it('arrives piece by piece', async () => {
    const body = fed();
    const reader = (await compressed(body.stream, coding)).getReader();
    const decode = decoder();
    let seen = '';
    decode.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
    });
    const ended = once(decode, 'end');
    const moved = (async () => {
      for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) decode.write(value);
      decode.end();
    })();
    let sent = '';
    for (const piece of ['data: 1\n\n', 'data: 2\n\n', `data: ${'long '.repeat(20_000)}\n\n`]) {
      body.push(piece);
      sent += piece;
      // Nothing follows before all of this piece could be read.
      await eventually(() => seen.length === sent.length, `${sent.length} bytes of text are there`);
    }
    body.end();
    await moved;
    await ended;
    expect(seen).toBe(sent);
  });

  it('arrives whole when it comes in many small pieces at once, with few flushes', async () => {
    let left = 2000;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) controller.enqueue(new TextEncoder().encode('a line of text\n'));
        else controller.close();
      },
    });
    const bytes = Buffer.from(await new Response(await compressed(source, coding)).arrayBuffer());
    const decode = decoder();
    decode.end(bytes);
    let text = '';
    for await (const chunk of decode) text += String(chunk);
    expect(text).toBe('a line of text\n'.repeat(2000));
    expect(bytes.length).toBeLessThan(1000);
  });

  it('fails as its source does', async () => {
    const body = fed();
    const stream = await compressed(body.stream, coding);
    body.push('begun');
    body.fail(new Error('broken'));
    await expect(new Response(stream).text()).rejects.toThrow('broken');
  });

  it('cancels its source when it is cancelled, read or not', async () => {
    const unread = fed();
    await (await compressed(unread.stream, coding)).cancel('no more');
    expect(await unread.cancelled).toBe('no more');
    const begun = fed();
    const reader = (await compressed(begun.stream, coding)).getReader();
    begun.push('begun');
    await reader.read();
    await reader.cancel('enough');
    expect(await begun.cancelled).toBe('enough');
  });

  it('asks for no more than the reader takes', async () => {
    let pulled = 0;
    const random = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(crypto.getRandomValues(new Uint8Array(16_384)));
      },
    });
    const reader = (await compressed(random, coding)).getReader();
    await reader.read();
    await turns(100);
    const before = pulled;
    expect(before).toBeLessThan(40);
    await turns(100);
    expect(pulled).toBe(before);
    await reader.cancel();
  });
});

describe('a compressed stream behind Mongrel2', () => {
  it('is cancelled when the client leaves', async () => {
    const body = fed();
    const { mongrel2, lines } = await serveApp(() => new Response(body.stream, { headers: EVENTS }), {
      handler: { middleware: [gzip()] },
    });
    const client = connect(mongrel2, { headers: [['accept-encoding', 'gzip']] });
    client.response().catch(() => {});
    await turns(6);
    body.push('data: 1\n\n');
    await turns(6);
    client.disconnect();
    await body.cancelled;
    expect(lines).toEqual([]);
  });

  it('may say farewell when the server stops', async () => {
    const { mongrel2, server } = await serveApp(
      (request) => {
        const body = fed();
        request.signal.addEventListener(
          'abort',
          () =>
            void turns(5).then(() => {
              body.push('data: bye\n\n');
              body.end();
            }),
        );
        return new Response(body.stream, { headers: EVENTS });
      },
      { handler: { middleware: [gzip()] } },
    );
    const client = connect(mongrel2, { headers: [['accept-encoding', 'gzip']] });
    await turns(6);
    const stop = server.stop();
    const { body } = await client.response();
    const decode = decoderOf('gzip');
    decode.end(body);
    let text = '';
    for await (const chunk of decode) text += String(chunk);
    expect(text).toBe('data: bye\n\n');
    expect(await stop).toEqual({ unfinished: 0 });
  });
});
