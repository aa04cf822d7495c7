import { turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { fed } from '../../test/fed-stream.js';
import { connect, deferred, onlyFailure, serveApp } from '../../test/harness.js';
import { type BufferOptions, buffer } from './buffer.js';

/** An app whose answer is a stream, behind `buffer`. */
const serve = (answer: (request: Request) => Response, options?: BufferOptions) =>
  serveApp(answer, { handler: { middleware: [buffer(options)] } });

const head = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('buffer', () => {
  it('collects a streamed response into one with its length', async () => {
    const body = fed();
    const began = deferred();
    const { mongrel2 } = await serve(() => {
      began.resolve();
      return new Response(body.stream, {
        status: 201,
        headers: [
          ['x-a', '1'],
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      });
    });
    const client = connect(mongrel2);
    await began.promise;
    body.push('one ');
    await turns(4);
    body.push('two');
    await turns(4);
    expect(client.received).toHaveLength(0);
    body.end();
    const response = await client.response();
    expect([response.status, response.framing, response.text]).toEqual([201, 'length', 'one two']);
    expect([response.header('content-length'), response.header('x-a')]).toEqual(['7', '1']);
    expect(response.all('set-cookie')).toEqual(['a=1', 'b=2']);
    expect(response.header('content-type')).toBeUndefined();
  });

  it('streams on beyond the bound, from the first byte', async () => {
    const body = fed();
    const { mongrel2 } = await serve(() => new Response(body.stream), { maxBytes: 10 });
    const client = connect(mongrel2);
    await turns(4);
    body.push('12345');
    body.push('67890');
    await turns(4);
    expect(client.received).toHaveLength(0);
    body.push('x');
    await turns(6);
    expect(head(client.received)).toContain('Transfer-Encoding: chunked');
    body.push('yz');
    body.end();
    expect(await client.response()).toMatchObject({ framing: 'chunked', text: '1234567890xyz' });
  });

  it('gives whole bodies their length, and no type that they had not', async () => {
    const { ask } = await serve(() => {
      const response = new Response('z\u00fcrich');
      response.headers.delete('content-type');
      return response;
    });
    const response = await ask();
    expect([response.text, response.header('content-length'), response.header('content-type')]).toEqual([
      'z\u00fcrich',
      '7',
      undefined,
    ]);
  });

  it.each<[string, Record<string, string>]>([
    ['streams of events', { 'content-type': 'text/event-stream' }],
    ['what the app marks', { 'x-accel-buffering': 'no' }],
    ['what has a length', { 'content-length': '6' }],
  ])('leaves %s alone', async (_, headers) => {
    const body = fed();
    const { mongrel2 } = await serve(() => new Response(body.stream, { headers }));
    const client = connect(mongrel2);
    await turns(4);
    body.push('one');
    await turns(6);
    expect(head(client.received)).toContain('one');
    body.push('two');
    body.end();
    expect((await client.response()).text).toBe('onetwo');
  });

  it('leaves HEAD and answers without a body alone', async () => {
    const body = fed();
    const { ask } = await serve((request) =>
      request.method === 'HEAD' ? new Response(body.stream) : new Response(null, { status: 204 }),
    );
    expect((await ask({ method: 'HEAD' })).status).toBe(200);
    await body.cancelled;
    expect(await ask()).toMatchObject({ status: 204, framing: 'none' });
  });

  it('tells what makes the body when the client leaves meanwhile', async () => {
    const body = fed();
    const { mongrel2, lines } = await serve(() => new Response(body.stream));
    const client = connect(mongrel2);
    client.response().catch(() => {});
    await turns(4);
    body.push('begun');
    await turns(2);
    client.disconnect();
    expect(await body.cancelled).toMatchObject({ name: 'AbortError' });
    expect(lines).toEqual([]);
  });

  it('answers 500 for a body that fails before the bound', async () => {
    const body = fed();
    const running = await serve(() => new Response(body.stream));
    const answer = running.ask();
    await turns(4);
    body.push('begun');
    body.fail(new Error('broken'));
    expect((await answer).status).toBe(500);
    expect(onlyFailure(running).message).toContain('broken');
  });

  it('says so when the app returns one Response twice', async () => {
    const response = new Response('once');
    const running = await serve(() => response);
    expect((await running.ask()).text).toBe('once');
    expect((await running.ask()).status).toBe(500);
    expect(onlyFailure(running).message).toContain('returned the same Response twice');
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot have a bound of %d', (maxBytes) => {
    expect(() => buffer({ maxBytes })).toThrow(expect.objectContaining({ code: 'M2_OPTION_INVALID' }));
  });
});
