import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../../test/harness.js';
import type { FetchInfo } from '../fetch-info.js';
import { type GzipOptions, gzip } from './gzip.js';
import { AVAILABLE_CODINGS } from './zlib-codings.js';

const { gunzipSync } = zlib;

const PAGE = 'All work and no play makes Jack a dull boy. '.repeat(100);
const HTML = { 'content-type': 'text/html; charset=utf-8' };

/** What `gzip` makes of an app's answer. */
async function answer(
  response: Response | (() => Response),
  accept: string | null = 'gzip',
  { method = 'GET', ...options }: GzipOptions & { method?: string } = {},
): Promise<Response> {
  const request = new Request('http://h/', { method, headers: accept === null ? {} : { 'accept-encoding': accept } });
  return gzip(options)(request, async () => (typeof response === 'function' ? response() : response), {} as FetchInfo);
}

const page = (headers: HeadersInit = {}, status = 200) => new Response(PAGE, { status, headers: { ...HTML, ...headers } });
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
const coding = (response: Response) => response.headers.get('content-encoding');
const vary = (response: Response) => response.headers.get('vary');

describe('gzip: what is compressed', () => {
  it.each(AVAILABLE_CODINGS)('is a page, by %s for a client that takes it', async (accepted) => {
    const response = await answer(page(), `compress, ${accepted}, deflate`);
    expect([coding(response), vary(response)]).toEqual([accepted, 'Accept-Encoding']);
    const decode = { gzip: 'gunzipSync', br: 'brotliDecompressSync', zstd: 'zstdDecompressSync' }[accepted];
    // Node's types know nothing of zstd yet.
    const decoders = zlib as unknown as Record<string, (bytes: Buffer) => Buffer>;
    expect(decoders[decode]?.(await bytesOf(response)).toString()).toBe(PAGE);
  });

  it('prefers what it was told to prefer, unless the client says otherwise', async () => {
    expect(coding(await answer(page(), 'br, gzip', { codings: ['gzip', 'br'] }))).toBe('gzip');
    expect(coding(await answer(page(), 'br, gzip;q=0.9', { codings: ['gzip', 'br'] }))).toBe('br');
    expect(coding(await answer(page(), 'br', { codings: ['gzip'] }))).toBe(null);
  });

  it('keeps status, reason and other headers, and drops the length', async () => {
    const cookies: [string, string][] = [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['content-length', `${PAGE.length}`],
      ['accept-ranges', 'bytes'],
      ['x-a', '1'],
    ];
    const response = await answer(
      new Response(PAGE, { status: 404, statusText: 'Gone fishing', headers: [...Object.entries(HTML), ...cookies] }),
    );
    expect([response.status, response.statusText, response.headers.get('x-a')]).toEqual([404, 'Gone fishing', '1']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect([response.headers.has('content-length'), response.headers.has('accept-ranges')]).toEqual([false, false]);
  });

  it('makes a strong ETag weak, and only that', async () => {
    expect((await answer(page({ etag: '"v1"' }))).headers.get('etag')).toBe('W/"v1"');
    expect((await answer(page({ etag: 'W/"v1"' }))).headers.get('etag')).toBe('W/"v1"');
    expect((await answer(page({ etag: '"v1"' }), null)).headers.get('etag')).toBe('"v1"');
  });

  it.each([
    [{ vary: 'Origin' }, 'Origin, Accept-Encoding'],
    [{ vary: 'accept-encoding' }, 'accept-encoding'],
    [{ vary: 'Origin, Accept-Encoding' }, 'Origin, Accept-Encoding'],
    [{ vary: '*' }, '*'],
  ])('merges Vary: %j', async (headers, expected) => {
    expect(vary(await answer(page(headers)))).toBe(expected);
  });

  it('is not what is known to be short, before or after it is read', async () => {
    const short = await answer(new Response('short', { headers: HTML }));
    expect([coding(short), vary(short), await short.text()]).toEqual([null, 'Accept-Encoding', 'short']);
    const declared = new Response(new ReadableStream(), { headers: { ...HTML, 'content-length': '1023' } });
    expect(coding(await answer(declared))).toBe(null);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('short'));
        controller.close();
      },
    });
    expect(coding(await answer(new Response(stream, { headers: HTML })))).toBe(null);
    expect(coding(await answer(new Response('short', { headers: HTML }), 'gzip', { minBytes: 0 }))).toBe(null);
    expect(coding(await answer(page(), 'gzip', { minBytes: PAGE.length + 1 }))).toBe(null);
  });

  it('is what the option says', async () => {
    const picture = () => new Response(PAGE, { headers: { 'content-type': 'image/png' } });
    expect(coding(await answer(picture()))).toBe(null);
    expect(coding(await answer(picture(), 'gzip', { compressible: (type) => type === 'image/png' }))).toBe('gzip');
  });
});

describe('gzip: what is left alone', () => {
  it.each<[string, () => Response]>([
    ['encoded already', () => page({ 'content-encoding': 'br' })],
    ['not to be transformed', () => page({ 'cache-control': 'public, No-Transform' })],
    ['a part', () => page({ 'content-range': 'bytes 0-9/100' }, 206)],
    ['a part without its range', () => page({}, 206)],
    ['with a digest of its bytes', () => page({ 'content-digest': 'sha-256=:AA==:' })],
    ['of no type', () => new Response(new TextEncoder().encode(PAGE))],
    ['of a type that gains nothing', () => new Response(PAGE, { headers: { 'content-type': 'image/png' } })],
    ['204', () => new Response(null, { status: 204 })],
  ])('%s', async (_, make) => {
    const response = make();
    const given = await answer(response);
    expect(given).toBe(response);
    expect(vary(given)).toBe(null);
  });

  it('said to be identity, it is not encoded already', async () => {
    expect(coding(await answer(page({ 'content-encoding': 'identity' })))).toBe('gzip');
  });

  it.each([null, '', 'identity', 'deflate', 'gzip;q=0', 'gzip;q=0.5, identity'])(
    'for a client that says %j, but for Vary',
    async (accept) => {
      const response = page();
      const given = await answer(response, accept);
      expect(given).toBe(response);
      expect([coding(given), vary(given), await given.text()]).toEqual([null, 'Accept-Encoding', PAGE]);
    },
  );

  it('304 says Vary, as the page would', async () => {
    expect(vary(await answer(new Response(null, { status: 304 })))).toBe('Accept-Encoding');
  });

  it('says Vary where headers cannot be changed, too', async () => {
    const fixed = Response.redirect('http://h/elsewhere');
    Object.defineProperty(fixed, 'status', { value: 304 });
    expect(vary(await answer(fixed))).toBe('Accept-Encoding');
  });
});

describe('gzip: HEAD', () => {
  const head = (response: Response, accept = 'gzip') => answer(response, accept, { method: 'HEAD' });

  it('says what GET would, but not how long that is', async () => {
    for (const response of [
      page({ etag: '"v1"' }),
      new Response(null, { headers: { ...HTML, 'content-length': '5000', etag: '"v1"' } }),
    ]) {
      const given = await head(response);
      expect([coding(given), vary(given), given.headers.get('content-length'), given.headers.get('etag')]).toEqual([
        'gzip',
        'Accept-Encoding',
        null,
        'W/"v1"',
      ]);
      expect(await given.text()).toBe('');
    }
  });

  it('keeps the length of what GET would not compress', async () => {
    const short = await head(new Response(null, { headers: { ...HTML, 'content-length': '500' } }));
    expect([coding(short), short.headers.get('content-length')]).toEqual([null, '500']);
  });

  it('says nothing where nobody knows what GET would have', async () => {
    const given = await head(new Response(null, { headers: HTML }));
    expect([coding(given), vary(given)]).toEqual([null, 'Accept-Encoding']);
  });
});

describe('gzip: a client that takes no body as it is', () => {
  it('gets everything encoded that may be', async () => {
    const accept = 'gzip, identity;q=0';
    const short = await answer(new Response('short', { headers: HTML }), accept);
    expect([coding(short), gunzipSync(await bytesOf(short)).toString()]).toEqual(['gzip', 'short']);
    expect(coding(await answer(new Response(PAGE, { headers: { 'content-type': 'image/png' } }), accept))).toBe('gzip');
    expect(coding(await answer(page({ 'cache-control': 'no-transform' }), accept))).toBe(null);
  });

  it('gets 406, and the app is not asked, when there is no coding for it', async () => {
    let asked = 0;
    const response = await answer(() => new Response(`${++asked}`), 'compress, identity;q=0');
    expect([response.status, vary(response), asked]).toEqual([406, 'Accept-Encoding', 0]);
  });
});

describe('gzip: options', () => {
  it.each<[string, GzipOptions]>([
    ['minBytes', { minBytes: -1 }],
    ['codings', { codings: ['deflate' as never] }],
    ['levels.gzip', { levels: { gzip: 99 } }],
    ['levels.br', { levels: { br: 99 } }],
  ])('refuses a bad %s', (name, options) => {
    expect(() => gzip(options)).toThrow(
      expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining(name) }),
    );
  });

  it('tries as hard as it is told', async () => {
    const text = Array.from({ length: 5000 }, (_, n) => `${(n * 7919) % 1000}`).join(' ');
    const size = async (levels: GzipOptions['levels']) =>
      (await bytesOf(await answer(new Response(text, { headers: HTML }), 'br', { levels }))).length;
    expect(await size({ br: 11 })).toBeLessThan(await size({ br: 0 }));
  });
});

describe('gzip behind Mongrel2', () => {
  it('sends whole bodies with the length that they have then', async () => {
    const { ask } = await serveApp(() => page(), { handler: { middleware: [gzip()] } });
    const response = await ask({ headers: [['accept-encoding', 'gzip']] });
    expect([response.framing, response.header('content-length')]).toEqual(['length', `${response.body.length}`]);
    expect(gunzipSync(response.body).toString()).toBe(PAGE);
    const plain = await ask();
    expect([plain.text, plain.header('vary')]).toEqual([PAGE, 'Accept-Encoding']);
    const head = await ask({ method: 'HEAD', headers: [['accept-encoding', 'gzip']] });
    expect([head.header('content-encoding'), head.header('content-length')]).toEqual(['gzip', undefined]);
  });
});
