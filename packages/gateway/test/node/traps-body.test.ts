// Traps 14 to 26: request bodies.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect as connectClient, deferred } from '../harness.js';
import { kinds, load, serveNode } from './kinds.js';

const isFinished = load<{ isFinished(message: unknown): boolean }>('on-finished').isFinished;
const LARGE = 'x'.repeat(3_000_000);

describe.each(kinds)('request bodies, for $kind', ({ make }) => {
  it('compat 14 and 2: is not taken for finished before it was read', async () => {
    const seen: boolean[] = [];
    const { ask } = await serveNode(
      make(async (request, response) => {
        seen.push(request.complete);
        await turn();
        seen.push(isFinished(request));
        request.resume().once('end', () => response.end('read'));
      }),
    );
    expect([(await ask({ body: 'small' })).text, (await ask({ body: LARGE })).text]).toEqual(['read', 'read']);
    expect(seen.filter((one, index) => index % 2 === 1 && one)).toEqual([]);
  });

  it('compat 15 and 16: waits for listeners that come late', async () => {
    const { ask } = await serveNode(
      make(async (request, response) => {
        for (let turns = 0; turns < 5; turns++) await turn();
        let text = '';
        for await (const part of request) text += part;
        response.end(`${text.length} ${request.complete} ${request.readableEnded}`);
      }),
    );
    expect((await ask({ body: 'late' })).text).toBe('4 true true');
    expect((await ask({ body: LARGE })).text).toBe('3000000 true true');
    expect((await ask({ chunks: ['a', 'bc'] })).text).toBe('3 true true');
    expect((await ask()).text).toBe('0 true true');
  });

  it('compat 17: leaves req.body alone', async () => {
    const { ask } = await serveNode(make((request, response) => response.end(String('rawBody' in request))));
    expect((await ask({ body: 'x' })).text).toBe('false');
  });

  it('compat 18: asks for no more than is read', async () => {
    const granted: number[] = [];
    const go = deferred();
    const { mongrel2 } = await serveNode(
      make(async (request, response) => {
        await go.promise;
        let length = 0;
        for await (const part of request) length += (part as Buffer).length;
        response.end(String(length));
      }),
      {
        mongrel2: {
          observe: (reply) => {
            if (!(reply instanceof Error) && reply.kind === 'control' && reply.credits !== undefined) granted.push(reply.credits);
          },
        },
      },
    );
    const client = connectClient(mongrel2, { body: LARGE });
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(granted.reduce((sum, one) => sum + one, 0)).toBeLessThan(400_000);
    go.resolve();
    expect((await client.response()).text).toBe('3000000');
  });

  it('compat 19: can be paused, resumed and unpiped unread', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        request.pause();
        request.unpipe();
        request.resume();
        request.once('end', () => response.end('drained'));
      }),
    );
    expect([(await ask({ body: 'x' })).text, (await ask({ body: LARGE })).text]).toEqual(['drained', 'drained']);
  });

  it('compat 20: its end does not end the socket', async () => {
    const { ask } = await serveNode(
      make(async (request, response) => {
        request.resume();
        await new Promise((resolve) => request.once('close', resolve));
        await turn();
        response.end(`${request.destroyed} ${request.aborted} ${request.socket.destroyed}`);
      }),
    );
    expect((await ask({ body: 'x' })).text).toBe('true false false');
  });

  it('compat 21: fails when the client goes in the middle', async () => {
    const failure = deferred<unknown>();
    const { mongrel2 } = await serveNode(
      make(async (request) => {
        request.on('error', (error) => failure.resolve(error));
        request.once('data', () => client.disconnect());
      }),
      { mongrel2: { bufferSize: 64 } },
    );
    const client = connectClient(mongrel2, { body: LARGE });
    expect(await failure.promise).toMatchObject({ code: 'ECONNRESET', message: 'aborted' });
  });

  it('compat 22: GET may have one', async () => {
    const { ask } = await serveNode(make((request, response) => request.pipe(response)));
    expect((await ask({ method: 'GET', body: 'with a body' })).text).toBe('with a body');
  });

  it('compat 23: shows Expect and never answers it again', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        response.writeContinue();
        response.end(request.headers.expect);
      }),
    );
    const response = await ask({ body: 'x', headers: [['expect', '100-continue']] });
    expect([response.text, response.interim]).toEqual(['100-continue', []]);
  });

  it('compat 24: has no trailers, and responses may have some', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        request.resume().once('end', () => {
          response.setHeader('Trailer', 'X-Sum');
          response.write(JSON.stringify([request.trailers, request.rawTrailers]));
          response.addTrailers({ 'X-Sum': '42' });
          response.end();
        });
      }),
    );
    const response = await ask({ chunks: ['a'] });
    expect([response.text, response.trailers]).toEqual(['[{},[]]', [['X-Sum', '42']]]);
  });

  it('compat 25: says the version in numbers', async () => {
    const { ask } = await serveNode(
      make(({ httpVersion, httpVersionMajor, httpVersionMinor }, response) =>
        response.end(JSON.stringify([httpVersion, httpVersionMajor, httpVersionMinor])),
      ),
    );
    expect((await ask()).text).toBe('["1.1",1,1]');
    expect((await ask({ version: 'HTTP/1.0' })).text).toBe('["1.0",1,0]');
  });
});

describe('request bodies of (req, res) apps', () => {
  it.each(['TRACE', 'PROPFIND', 'M-SEARCH', 'FOO'])('compat 26: %s is a method', async (method) => {
    const { askRaw } = await serveNode((request, response) => response.end(request.method));
    expect(await askRaw({ uri: '/', meta: [['METHOD', method]], headers: [['host', 'h']] })).toMatch(
      new RegExp(`\r\n\r\n${method}$`),
    );
  });

  it('an answer before the end of a body that is read on does not end the reading', async () => {
    const read = deferred<number>();
    const { mongrel2 } = await serveNode((request, response) => {
      let length = 0;
      request.on('data', (part: Buffer) => {
        length += part.length;
      });
      request.on('end', () => read.resolve(length));
      response.end('early');
    });
    const client = connectClient(mongrel2, { body: LARGE });
    expect((await client.response()).text).toBe('early');
    expect(await read.promise).toBe(LARGE.length);
    expect((await client.request().response()).text).toBe('early');
  });

  it('a small body that nobody read does not end the connection, a large one does', async () => {
    const { mongrel2 } = await serveNode((_, response) => response.end('unread'));
    const client = connectClient(mongrel2, { body: 'x'.repeat(100_000) });
    expect((await client.response()).text).toBe('unread');
    expect((await client.request().response()).text).toBe('unread');
    const other = connectClient(mongrel2, { body: LARGE });
    const last = await other.response();
    expect([last.text, last.header('connection')]).toEqual(['unread', 'close']);
    expect(await other.closed).toBe('handler');
  });

  it("gives 'checkContinue' to those who listen", async () => {
    const { createServer } = await import('node:http');
    const server = createServer((_, response) => response.end('request'));
    server.on('checkContinue', (_, response) => response.writeHead(417).end('no'));
    const { ask } = await serveNode(server);
    expect((await ask()).text).toBe('request');
    expect((await ask({ body: 'x', headers: [['expect', '100-continue']] })).status).toBe(417);
  });
});
