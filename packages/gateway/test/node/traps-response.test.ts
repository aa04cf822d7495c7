// Traps 27 to 47: responses.
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect as connectClient, deferred, onlyFailure } from '../harness.js';
import { kinds, serveNode } from './kinds.js';

const BINARY = Uint8Array.from({ length: 512 }, (_, index) => index & 0xff);

describe.each(kinds)('writing responses, for $kind', ({ make }) => {
  it('compat 27 and 28: write() says whether to go on, and drain follows where it said no', async () => {
    const answers = new Set<boolean>();
    const chunk = 'y'.repeat(64 * 1024);
    const { mongrel2 } = await serveNode(
      make(async (_, response) => {
        for (let count = 0; count < 40; count++) {
          const more = response.write(chunk);
          answers.add(more);
          if (more) continue;
          await new Promise((resolve) => response.once('drain', resolve));
          answers.add(response.writableNeedDrain);
        }
        response.end();
      }),
      { mongrel2: { flowControl: true } },
    );
    expect((await connectClient(mongrel2).response()).body.length).toBe(40 * chunk.length);
    expect(answers.has(false)).toBe(true);
    expect([...answers].every((one) => typeof one === 'boolean')).toBe(true);
  });

  it('compat 28: a slow client holds up a stream that is piped to it', async () => {
    let made = 0;
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        const source = new Readable({
          read() {
            made++;
            this.push(made > 400 ? null : Buffer.alloc(16 * 1024));
          },
        });
        source.pipe(response);
      }),
      { mongrel2: { flowControl: true, socketBytes: 64 * 1024 } },
    );
    const client = mongrel2.connect();
    client.slow();
    client.request();
    for (let turns = 0; turns < 100; turns++) await turn();
    expect(made).toBeLessThan(60);
    client.resume();
    expect((await client.response()).body.length).toBe(400 * 16 * 1024);
  });

  it('compat 29: calls back for every write, empty ones and late ones too', async () => {
    const { ask } = await serveNode(
      make(async (_, response) => {
        await new Promise((resolve) => response.write('a', resolve));
        await turn();
        await new Promise((resolve) => response.write('', resolve));
        await new Promise<void>((resolve) => response.end(resolve));
      }),
    );
    expect((await ask()).text).toBe('a');
  });

  it('compat 30: what is written goes out before the end', async () => {
    const more = deferred();
    const { mongrel2 } = await serveNode(
      make(async (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
        await more.promise;
        response.end('data: 2\n\n');
      }),
    );
    const client = connectClient(mongrel2);
    await expect.poll(() => Buffer.from(client.received).toString()).toContain('data: 1');
    more.resolve();
    expect((await client.response()).text).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('compat 31: flushHeaders() sends the head at once', async () => {
    const more = deferred();
    const { mongrel2 } = await serveNode(
      make(async (_, response) => {
        response.setHeader('X-Early', '1');
        response.flushHeaders();
        await more.promise;
        response.end(String((response as unknown as { _header: string })._header.includes('X-Early')));
      }),
    );
    const client = connectClient(mongrel2);
    await expect.poll(() => Buffer.from(client.received).toString()).toContain('X-Early: 1\r\n');
    more.resolve();
    expect((await client.response()).text).toBe('true');
  });

  it('compat 32 and 33: sends any bytes as they are', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        if (request.url === '/parts') response.write('\r\n');
        response.end(request.url === '/parts' ? '\r\n\r\n' : Buffer.concat([Buffer.from('\r\n\r\n'), BINARY]));
      }),
    );
    expect([...(await ask('/')).body.subarray(4)]).toEqual([...BINARY]);
    expect((await ask('/parts')).text).toBe('\r\n\r\n\r\n');
  });

  it.each(['utf8', 'latin1', 'hex', 'base64', 'utf16le'] as const)('compat 32: encodes text as %s', async (encoding) => {
    const text = encoding === 'hex' ? 'c3a9' : encoding === 'base64' ? 'w6k=' : 'é';
    const { ask } = await serveNode(
      make((_, response) => {
        response.write(text, encoding);
        response.end(text, encoding);
      }),
    );
    expect(Buffer.from((await ask()).body)).toEqual(Buffer.concat([Buffer.from(text, encoding), Buffer.from(text, encoding)]));
  });

  it('compat 37: HEAD gets no body, and a length that was set', async () => {
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        response.setHeader('Content-Length', 5);
        response.write('he');
        response.end('llo');
      }),
    );
    const client = connectClient(mongrel2, { method: 'HEAD' });
    const response = await client.response();
    expect([response.framing, response.header('content-length')]).toEqual(['none', '5']);
    expect((await client.request().response()).text).toBe('hello');
  });
});

describe.each(kinds)('heads of responses, for $kind', ({ make }) => {
  it('compat 36: 204, 205 and 304 have no body', async () => {
    const { mongrel2 } = await serveNode(
      make(({ url = '' }, response) => {
        response.statusCode = Number(url.slice(1));
        response.setHeader('Content-Length', 4);
        response.end('body');
      }),
    );
    const client = mongrel2.connect();
    const lengths: unknown[] = [];
    for (const status of [204, 205, 304, 200]) {
      const response = await client.request({ path: `/${status}` }).response();
      lengths.push([response.status, response.header('content-length'), response.text]);
    }
    expect(lengths).toEqual([
      [204, undefined, ''],
      [205, '0', ''],
      [304, '4', ''],
      [200, '4', 'body'],
    ]);
  });

  it('compat 38: several cookies are several lines, in order', async () => {
    const { ask } = await serveNode(
      make((_, response) => {
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.appendHeader('Set-Cookie', 'c=3');
        response.end();
      }),
    );
    expect((await ask()).all('set-cookie')).toEqual(['a=1', 'b=2', 'c=3']);
  });

  it.each([
    ['an object', [201, { 'X-A': '1' }]],
    ['an object with a reason', [201, 'Made', { 'X-A': '1' }]],
    ['a flat list', [201, ['X-A', '1']]],
  ])('compat 39: writeHead takes %s', async (_, args) => {
    const { ask } = await serveNode(
      make((__, response) => void (response.writeHead as (...all: unknown[]) => typeof response)(...args).end('x')),
    );
    const response = await ask();
    expect([response.status, response.header('x-a'), response.reason]).toEqual([201, '1', args.length > 2 ? 'Made' : 'Created']);
  });

  it('compat 43: one Date', async () => {
    const { ask } = await serveNode(
      make(({ url }, response) => response.setHeader(url === '/own' ? 'date' : 'x', 'today').end()),
    );
    expect((await ask('/own')).all('date')).toEqual(['today']);
    expect((await ask()).all('date')).toHaveLength(1);
  });

  it('compat 44: says what became of it', async () => {
    const states = deferred<unknown[]>();
    const { ask } = await serveNode(
      make((request, response) => {
        const state = () => [
          response.headersSent,
          response.writableEnded,
          response.finished,
          response.writableFinished,
          response.closed,
          response.destroyed,
        ];
        const before = state();
        response.end('x');
        const after = state();
        response.once('close', () => states.resolve([before, after, state(), response.req === request]));
      }),
    );
    await ask();
    expect(await states.promise).toEqual([
      [false, false, false, false, false, false],
      [true, true, true, true, false, false],
      [true, true, true, true, true, true],
      true,
    ]);
  });

  it('compat 45: keeps or closes the connection as asked, and promises no time', async () => {
    const { mongrel2 } = await serveNode(
      make(({ url }, response) => {
        if (url === '/close') response.setHeader('Connection', 'close');
        response.setHeader('Keep-Alive', 'timeout=99');
        response.end('x');
      }),
    );
    const client = connectClient(mongrel2);
    const kept = await client.response();
    expect([kept.header('keep-alive'), client.closedBy]).toEqual([undefined, undefined]);
    expect((await client.request({ path: '/close' }).response()).header('connection')).toBe('close');
    expect(await client.closed).toBe('handler');
    expect(await connectClient(mongrel2, { headers: [['connection', 'close']] }).closed).toBe('handler');
  });

  it('compat 45: HTTP/1.0 gets a length or the end of the connection, never chunks', async () => {
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        response.write('a');
        setImmediate(() => response.end('b'));
      }),
    );
    const client = connectClient(mongrel2, { version: 'HTTP/1.0', headers: [['connection', 'keep-alive']] });
    const response = await client.response();
    expect([response.text, response.framing, response.header('transfer-encoding')]).toEqual(['ab', 'close', undefined]);
  });
});

describe.each(kinds)('failures, for $kind', ({ make }) => {
  it('compat 40: write after the end does not throw', async () => {
    const { ask } = await serveNode(
      make((_, response) => {
        response.on('error', () => {});
        response.end('x');
        response.write('y');
        response.end('z');
      }),
    );
    expect((await ask()).text).toBe('x');
  });

  it("compat 41 and 47: the socket's end ends the response, and its files", async () => {
    const closed = deferred<boolean>();
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        const source = new Readable({
          read() {},
          destroy: (error, done) => {
            closed.resolve(true);
            done(error);
          },
        });
        source.push('some');
        source.pipe(response);
        response.once('close', () => source.destroy());
        setImmediate(() => response.destroy());
      }),
    );
    const client = connectClient(mongrel2);
    await expect(client.response()).rejects.toThrow();
    expect(await closed.promise).toBe(true);
  });

  it('compat 46: interim responses go before the answer, checked', async () => {
    const { ask } = await serveNode(
      make((_, response) => {
        response.writeProcessing();
        response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style', 'x-hint': 'yes' });
        let refused = '';
        try {
          response.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-hint': 'a\r\nSet-Cookie: b' });
        } catch (error) {
          refused = (error as { code: string }).code;
        }
        response.end(refused);
      }),
    );
    const response = await ask();
    expect(response.interim.map(({ status, headers }) => [status, headers])).toEqual([
      [102, []],
      [
        103,
        [
          ['Link', '</a.css>; rel=preload; as=style'],
          ['x-hint', 'yes'],
        ],
      ],
    ]);
    expect(response.text).toBe('ERR_INVALID_CHAR');
    expect((await ask({ version: 'HTTP/1.0' })).interim).toEqual([]);
  });
});

describe('an app that fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    [
      'rejects',
      async () => {
        await turn();
        throw new Error('secret');
      },
    ],
  ])('compat 41: gets 500 when it %s, and one line in the log', async (_, listener) => {
    const running = await serveNode(listener);
    const response = await running.ask('/path?token=1');
    expect([response.status, response.text]).toEqual([500, 'Internal Server Error\n']);
    expect(onlyFailure(running).message).toBe(
      'The app failed with "Error: secret" for GET /path. Catch it in the app. The client got 500.',
    );
  });

  it('compat 41: is cut short once it has begun, and nothing is put behind', async () => {
    const running = await serveNode(async (_, response) => {
      response.write('begun');
      for (let turns = 0; turns < 3; turns++) await turn();
      throw new Error('secret');
    });
    const client = connectClient(running.mongrel2);
    await expect(client.response()).rejects.toThrow();
    expect(Buffer.from(client.received).toString()).toMatch(/begun\r\n$/);
    expect(onlyFailure(running).message).toMatch(/it was cut short\.$/);
  });

  it('compat 51: an invalid header is an exception for the app', async () => {
    const { ask } = await serveNode((_, response) => {
      try {
        response.setHeader('X', '€');
      } catch (error) {
        response.end((error as { code: string }).code);
      }
    });
    expect((await ask()).text).toBe('ERR_INVALID_CHAR');
  });
});
