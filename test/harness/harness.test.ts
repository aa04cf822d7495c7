import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteReader } from './byte-reader.js';
import { describeWithMongrel2 } from './describe.js';
import { makeMongrel2, startMongrel2 } from './mongrel2.js';
import { RawClient, request } from './raw-client.js';
import { readResponse } from './response-parser.js';
import { TinyHandler } from './tiny-handler.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function parse(bytes: string, method = 'GET') {
  const reader = new ByteReader();
  for (const part of bytes.match(/[\s\S]{1,7}/g) ?? []) reader.push(Buffer.from(part, 'latin1'));
  reader.end();
  return readResponse(reader, { method });
}

describe('the response parser', () => {
  it('reads bodies by length, by chunks and by closing', async () => {
    expect((await parse(OK))?.text()).toBe('ok');
    const chunked = await parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n');
    expect(chunked?.text()).toBe('abc0123456789');
    expect(chunked?.chunks).toEqual([3, 10]);
    const closed = await parse('HTTP/1.1 200 OK\r\n\r\nall of it');
    expect([closed?.framing, closed?.text()]).toEqual(['close', 'all of it']);
  });

  it('keeps interim responses apart, and knows answers without a body', async () => {
    const hinted = await parse(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
    expect(hinted?.interim.map(({ status }) => status)).toEqual([103]);
    expect((await parse('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'HEAD'))?.framing).toBe('none');
    expect((await parse('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'))?.framing).toBe('none');
    expect(await parse('')).toBeUndefined();
  });

  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a length on 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'],
    ['a body cut short', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok'],
    ['chunks cut short', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
    ['a chunk that is too long', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n'],
    ['a blank in a header name', 'HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok'],
    ['no status line', 'ok'],
  ])('refuses %s', async (_, bytes) => {
    await expect(parse(bytes)).rejects.toThrow();
  });
});

describeWithMongrel2('a Mongrel2 of a test', { handlers: [{ protocol: 'json' }] }, (given) => {
  let handler: TinyHandler;
  beforeAll(async () => {
    handler = await TinyHandler.connect(given.mongrel2.connect);
  });
  afterAll(() => handler?.close());

  it('hands a request to a handler and its reply to the client', async () => {
    const client = await RawClient.connect(given.mongrel2.port);
    client.write(request('POST', '/harness?q', ['X-Test: 1'], 'body'));
    const message = await handler.messages.first('the request', ({ path }) => path === '/harness');
    expect(message.uuid).toBe('m2-0');
    expect(message.rest).toMatch(/"METHOD":"POST".*4:body,$/);
    await handler.reply(message, OK);
    expect((await client.response()).text()).toBe('ok');
    await client.close();
    await handler.messages.first('the notice', ({ path, id }) => path === '@*' && id === message.id);
  });

  it('counts the replies that it could not read', async () => {
    const client = await RawClient.connect(given.mongrel2.port);
    client.get('/bad');
    const message = await handler.messages.first('the request', ({ path }) => path === '/bad');
    expect(given.mongrel2.badReplies()).toBe(0);
    await handler.send(`${message.uuid} 99:${message.id}, cut`);
    await handler.reply(message, OK);
    expect((await client.response()).status).toBe(200);
    expect(given.mongrel2.badReplies()).toBe(1);
    await client.close();
  });

  it('ends by signal, and comes back on the same ports', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { pid } = given.mongrel2;
      await given.mongrel2.restart(signal);
      expect(given.mongrel2.pid).not.toBe(pid);
      const again = await TinyHandler.connect(given.mongrel2.connect);
      again.close();
    }
  });
});

describeWithMongrel2('starting and stopping a Mongrel2', {}, (given) => {
  it('notices a handler that Mongrel2 could not bind', async () => {
    const second = startMongrel2({ handlers: [{ sendSpec: given.mongrel2.handlers[0]?.sendSpec ?? '' }] });
    await expect(second).rejects.toThrow('could bind only 0 of its 1 handlers');
  });

  it('leaves neither process nor folder nor ports behind', async () => {
    const mongrel2 = await makeMongrel2();
    await mongrel2.start();
    const { pid = 0, chroot, port } = mongrel2;
    await mongrel2.stop();
    await mongrel2.stop();
    expect(existsSync(chroot)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow();
    const refused = await new Promise<string>((resolve) => {
      connect({ port, host: '127.0.0.1' }).once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    });
    expect(refused).toBe('ECONNREFUSED');
  });
});
