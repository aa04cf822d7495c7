import { type M2Error, reasonPhrase } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';
import { defaultRequestLimits, type RequestLimits } from './index.js';
import { checkLimits, type LimitedMessage, resolveRequestLimits } from './request-limits.js';

/** Status and whether the app was called, for one request. */
async function ask(
  headers: Readonly<Record<string, string | string[]>>,
  options: { path?: string; limits?: RequestLimits } = {},
) {
  let called = false;
  const { ask: send } = await serveApp(
    () => {
      called = true;
      return new Response('in');
    },
    { handler: options.limits === undefined ? {} : { limits: options.limits } },
  );
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one] as const));
  const response = await send({ path: options.path ?? '/', headers: pairs });
  expect(called).toBe(response.status === 200);
  if (response.status !== 200) {
    expect(response.text).toBe(`${reasonPhrase(response.status)}\n`);
    expect(response.header('connection')).toBe('close');
  }
  return response.status;
}

const numbered = (count: number, value = '') =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n.toString().padStart(3, '0')}`, value]));

describe('the limit of the URI', () => {
  it('is 8 KiB of path and query, and gives 414 beyond', async () => {
    expect(defaultRequestLimits.uriBytes).toBe(8192);
    const path = (bytes: number) => `/p?${'q'.repeat(bytes - 3)}`;
    expect(await ask({}, { path: path(8192) })).toBe(200);
    expect(await ask({}, { path: path(8193) })).toBe(414);
  });

  it('can be set', async () => {
    expect(await ask({}, { path: '/12345', limits: { uriBytes: 6 } })).toBe(200);
    expect(await ask({}, { path: '/123456', limits: { uriBytes: 6 } })).toBe(414);
  });
});

describe('the limits of headers', () => {
  it('are 16 KiB together', async () => {
    expect(defaultRequestLimits.headerBytes).toBe(16_384);
    expect(await ask({ 'x-large': 'v'.repeat(16_000) })).toBe(200);
    expect(await ask({ 'x-large': 'v'.repeat(16_384) })).toBe(431);
    expect(await ask(numbered(17, 'v'.repeat(1000)))).toBe(431);
  });

  it('are 100 lines, several of one name each counted', async () => {
    expect(defaultRequestLimits.headerCount).toBe(100);
    // Host and Mongrel2's x-forwarded-for are two of them, or one.
    expect(await ask(numbered(98))).toBe(200);
    expect(await ask(numbered(101))).toBe(431);
    const five = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`x-${n}`, ['a', 'b', 'c', 'd', 'e']]));
    expect(await ask(five)).toBe(431);
  });

  it("do not count Mongrel2's own keys, nor the path", async () => {
    const limits = { headerCount: 3, headerBytes: 100 };
    expect(await ask({ 'x-1': '1' }, { limits, path: `/${'p'.repeat(500)}` })).toBe(200);
    expect(await ask({ 'x-1': '1', 'x-2': '2', 'x-3': '3' }, { limits })).toBe(431);
    expect(await ask({ 'x-1': 'v'.repeat(100) }, { limits })).toBe(431);
  });

  it('do not look at the headers of a usual request', () => {
    const usual: LimitedMessage = {
      uri: '/',
      size: 1200,
      body: new Uint8Array(0),
      headerLines: 30,
      get headers(): never {
        throw new Error('looked at');
      },
    };
    expect(checkLimits(usual, defaultRequestLimits)).toBeUndefined();
    expect(() => checkLimits({ ...usual, headerLines: 30, size: 20_000 }, defaultRequestLimits)).toThrow('looked at');
  });

  it('hold for WebSocket handshakes too', async () => {
    const { mongrel2 } = await serveApp(() => new Response(), { handler: { websocket: {} } });
    const status = async (headers: (readonly [string, string])[], path = '/') =>
      (await mongrel2.connect().upgrade({ path, headers }).response()).status;
    expect(await status([])).toBe(101);
    expect(await status([['x-large', 'v'.repeat(16_384)]])).toBe(431);
    expect(await status([], `/${'p'.repeat(8192)}`)).toBe(414);
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot be %d', (value) => {
    for (const name of Object.keys(defaultRequestLimits)) {
      expect(() => resolveRequestLimits({ [name]: value })).toThrow(
        expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining(name) } satisfies Partial<M2Error>),
      );
    }
  });
});
