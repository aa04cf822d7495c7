import { latin1Bytes, M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { LightRequest, lightRequest, lightRequestsPass } from './light-request.js';
import { bodyKindOf, type ExchangeLike, realRequest } from './request-source.js';

/** What a request is made from, and how often each part was looked at. */
function source(method: string, body = '', headers: Record<string, string> = { host: 'h' }) {
  const seen = { headers: 0, signal: 0 };
  const controller = new AbortController();
  const bytes = latin1Bytes(body);
  const made: ExchangeLike = {
    request: {
      method,
      body: bytes,
      get headers() {
        seen.headers++;
        return new Map(Object.entries(headers));
      },
    },
    body: { length: bytes.length, whole: bytes, read: () => Promise.resolve(undefined), cancel: () => {} },
    get signal() {
      seen.signal++;
      return controller.signal;
    },
  };
  return { made, seen, controller };
}

const makers = {
  light: lightRequest,
  real: (url: string, made: ExchangeLike) => realRequest(url, made, bodyKindOf(made)),
};
const POSTED = ['POST', '{"a":"\u00e9"}', { 'content-type': 'application/json', host: 'h' }] as const;
const post = (kind: keyof typeof makers, body: string = POSTED[1]) =>
  makers[kind]('http://h/p?q', source('POST', body, POSTED[2]).made);
const isLight = lightRequestsPass();
const kinds: (keyof typeof makers)[] = ['light', 'real'];

describe('a light Request', () => {
  it('builds nothing for an app that reads only method and URL', () => {
    const { made, seen } = source('GET');
    const request = lightRequest('http://h/x', made);
    expect([request.method, request.url, request instanceof Request]).toEqual(['GET', 'http://h/x', true]);
    expect(request.body).toBeNull();
    expect(seen).toEqual({ headers: 0, signal: 0 });
  });

  it('builds headers without a signal, once', () => {
    const { made, seen } = source('GET');
    const request = lightRequest('http://h/', made);
    expect(request.headers).toBe(request.headers);
    expect(request.headers.get('host')).toBe('h');
    expect(seen).toEqual({ headers: 1, signal: 0 });
    expect(request.signal).toBe(request.signal);
  });

  it('reads a whole body where it lies, without a real Request', async () => {
    const { made, seen } = source('POST', '[1]');
    expect(await lightRequest('http://h/', made).json()).toEqual([1]);
    expect(seen).toEqual({ headers: 0, signal: 0 });
  });

  it('has no property of its own that a Request has not, and its constructor', () => {
    const request = lightRequest('http://h/', source('GET').made);
    expect([Object.keys(request), request.constructor, Object.prototype.toString.call(request)]).toEqual([
      [],
      Request,
      '[object Request]',
    ]);
    expect(Reflect.ownKeys(request)).toEqual([]);
  });

  it('never replaces a global', () => {
    expect(Request).not.toBe(LightRequest);
    expect(new Request('http://h/')).not.toBeInstanceOf(LightRequest);
  });

  it.runIf(isLight)('takes headers that the app set along into copies, however late they were set', () => {
    const request = post('light');
    request.headers.set('x-first', '1');
    expect(request.clone().headers.get('x-first')).toBe('1');
    request.headers.set('x-second', '2');
    request.headers.delete('x-first');
    const copy = new Request(request);
    expect([copy.headers.get('x-first'), copy.headers.get('x-second'), request.headers.get('x-second')]).toEqual([
      null,
      '2',
      '2',
    ]);
  });

  it('refuses copies of a body that was read, as a Request does', async () => {
    const request = post('light');
    await request.text();
    expect(() => request.clone()).toThrow(TypeError);
    if (isLight) expect(() => new Request(request)).toThrow(TypeError);
    expect(request.body?.locked === true || request.bodyUsed).toBe(true);
  });
});

describe.each(kinds)('67: a %s Request', (kind) => {
  it.each(['text', 'json', 'arrayBuffer', 'blob'] as const)('reads its body by %s() once', async (verb) => {
    const request = post(kind, '"z\u00fc"');
    expect(request.bodyUsed).toBe(false);
    const first = await request[verb]();
    if (verb === 'json') expect(first).toBe('z\ufffd');
    if (verb === 'text') expect(first).toBe('"z\ufffd"');
    if (verb === 'blob') expect([(first as Blob).size, (first as Blob).type]).toEqual([4, 'application/json']);
    if (verb === 'arrayBuffer') expect((first as ArrayBuffer).byteLength).toBe(4);
    expect(request.bodyUsed).toBe(true);
    await expect(request[verb]()).rejects.toBeInstanceOf(TypeError);
    await expect(request.text()).rejects.toBeInstanceOf(TypeError);
  });

  it('reads forms', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = await makers[kind]('http://h/', source('POST', 'a=1&b=%20', type).made).formData();
    expect([...form]).toEqual([
      ['a', '1'],
      ['b', ' '],
    ]);
  });

  it('gives bytes that nobody else has', async () => {
    const { made } = source('POST', 'abc');
    const buffer = new Uint8Array(await makers[kind]('http://h/', made).arrayBuffer());
    buffer.fill(0);
    expect([...made.request.body]).toEqual([97, 98, 99]);
    expect(buffer.buffer.byteLength).toBe(3);
  });

  it('has a stream of its body, and can be cloned', async () => {
    const request = post(kind);
    const clone = request.clone();
    expect(clone).toBeInstanceOf(Request);
    const chunks = [];
    for await (const chunk of request.body ?? []) chunks.push(...chunk);
    expect(chunks).toHaveLength(9);
    expect([request.bodyUsed, clone.bodyUsed]).toEqual([true, false]);
    expect((await clone.text()).length).toBe(9);
  });

  it.runIf(kind === 'real' || isLight)('makes copies by new Request(request), with and without changes', async () => {
    const copy = new Request(post(kind), { headers: { 'x-new': '1' } });
    expect([copy.url, copy.method, copy.headers.get('x-new'), copy.headers.get('host')]).toEqual([
      'http://h/p?q',
      'POST',
      '1',
      null,
    ]);
    expect((await copy.text()).length).toBe(9);
    const used = post(kind);
    expect(await new Request(used).text()).toHaveLength(9);
    expect(used.bodyUsed).toBe(true);
  });

  it('64: serves as the settings of another Request', async () => {
    const copy = new Request('http://other/', post(kind));
    expect([copy.url, copy.method, copy.headers.get('content-type')]).toEqual(['http://other/', 'POST', 'application/json']);
    expect((await copy.text()).length).toBe(9);
  });

  it('59: aborts its signal and those of its copies with an AbortError', () => {
    const { made, controller } = source('GET');
    const request = makers[kind]('http://h/', made);
    const clone = request.clone();
    expect(request.signal.aborted).toBe(false);
    controller.abort(new M2Error('M2_CLIENT_GONE', 'The client went away.'));
    expect([request.signal.aborted, clone.signal.aborted]).toEqual([true, true]);
    expect(request.signal.reason).toMatchObject({ name: 'AbortError', cause: { code: 'M2_CLIENT_GONE' } });
  });

  it('says of a request timeout that it is one', () => {
    const { made, controller } = source('GET');
    controller.abort(new M2Error('M2_TIMED_OUT', 'Too late.'));
    expect(makers[kind]('http://h/', made).signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('has the rest of what a Request has', () => {
    const { cache, credentials, redirect, integrity, keepalive, referrer, destination } = post(kind);
    const real = new Request('http://h/');
    expect([cache, credentials, redirect, integrity, keepalive, referrer, destination]).toEqual([
      real.cache,
      real.credentials,
      real.redirect,
      real.integrity,
      real.keepalive,
      real.referrer,
      real.destination,
    ]);
  });
});
