import { describe, expect, it } from 'vitest';
import { latin1Slice } from '#platform';
import { collecting, echoPath, http, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import { ManualClock, type ScriptedRequest } from '../testing/index.js';
import type { HttpExchange } from './exchange.js';

/** One request to a handler that does `answer`; the response, and what the handler's call threw. */
async function ask(answer: (exchange: HttpExchange) => void, request: ScriptedRequest = {}) {
  let thrown: unknown;
  const { mongrel2, server } = await start(
    http((exchange) => {
      try {
        answer(exchange);
      } catch (error) {
        thrown = error;
        exchange.fail();
      }
    }),
  );
  const client = mongrel2.connect().request(request);
  return { client, server, mongrel2, response: client.response(), thrown: () => thrown as M2Error };
}

describe('HttpExchange: a whole response', () => {
  it('sets Content-Length from the bytes, Date once, and keeps the connection', async () => {
    const clock = new ManualClock();
    const { mongrel2 } = await start(
      http((exchange) => exchange.respond(200, [['X-A', '1']], 'zażółć')),
      { connection: { clock } },
    );
    const client = mongrel2.connect();
    for (let n = 0; n < 2; n++) {
      const response = await client.request().response();
      expect(response.text).toBe('zażółć');
      expect(response.headers).toEqual([
        ['X-A', '1'],
        ['Content-Length', '10'],
        ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
      ]);
      clock.advance(400);
    }
    clock.advance(400);
    expect((await client.request().response()).header('date')).toBe('Thu, 01 Jan 2026 00:00:01 GMT');
    expect(client.closedBy).toBeUndefined();
  });

  it("keeps the app's own Date", async () => {
    const { response } = await ask((exchange) => exchange.respond(200, [['date', 'Sun, 06 Nov 1994 08:49:37 GMT']]));
    expect((await response).all('date')).toEqual(['Sun, 06 Nov 1994 08:49:37 GMT']);
  });

  it.each([204, 304])('gives %i no body and no length', async (status) => {
    const { client, response } = await ask((exchange) => exchange.respond(status, [], 'ignored'));
    expect(await response).toMatchObject({ status, framing: 'none' });
    expect((await response).header('content-length')).toBeUndefined();
    expect((await client.request().response()).status).toBe(status);
  });

  it('gives 205 an empty body, and 304 the length that a 200 would have', async () => {
    const reset = await (await ask((exchange) => exchange.respond(205, [], 'ignored'))).response;
    expect([reset.header('content-length'), reset.text]).toEqual(['0', '']);
    const unchanged = await (await ask((exchange) => exchange.respond(304, [['Content-Length', '77']]))).response;
    expect(unchanged.header('content-length')).toBe('77');
  });

  it('answers HEAD with the length and without the body', async () => {
    const { client, response } = await ask((exchange) => exchange.respond(200, [], 'twelve bytes'), { method: 'HEAD' });
    expect((await response).header('content-length')).toBe('12');
    expect((await client.request({ method: 'HEAD' }).response()).status).toBe(200);
  });

  it('claims no length for HEAD when it was given neither body nor length', async () => {
    const { response } = await ask((exchange) => exchange.respond(200, []), { method: 'HEAD' });
    expect((await response).header('content-length')).toBeUndefined();
    const declared = await ask((exchange) => exchange.respond(200, [['content-length', '9']]), { method: 'HEAD' });
    expect((await declared.response).header('content-length')).toBe('9');
  });

  it('sends a reason phrase of its own, and refuses a broken one', async () => {
    const { response } = await ask((exchange) => exchange.respond(200, [], '', { reason: 'Fine' }));
    expect((await response).reason).toBe('Fine');
    const broken = await ask((exchange) => exchange.respond(200, [], '', { reason: 'Fine\r\nX: y' }));
    expect((await broken.response).status).toBe(500);
    expect(broken.thrown().code).toBe('M2_BAD_HEADER');
  });
});

describe('HttpExchange: keep-alive and closing', () => {
  const close = { headers: [['Connection', 'close']] as const };

  it('closes when the client asks, after the response', async () => {
    const { client, response } = await ask((exchange) => exchange.respond(200, [], 'x'), close);
    expect((await response).header('connection')).toBe('close');
    expect(await client.closed).toBe('handler');
  });

  it('closes when the app asks', async () => {
    const { client, response } = await ask((exchange) => exchange.respond(200, [['Connection', 'Close']], 'x'));
    expect((await response).all('connection')).toEqual(['close']);
    expect(await client.closed).toBe('handler');
  });

  it('closes HTTP/1.0 unless it asks for keep-alive, and then says so', async () => {
    const once = await ask((exchange) => exchange.respond(200, [], 'x'), { version: 'HTTP/1.0' });
    expect((await once.response).header('connection')).toBe('close');
    expect(await once.client.closed).toBe('handler');
    const headers = [['Connection', 'Keep-Alive']] as const;
    const kept = await ask((exchange) => exchange.respond(200, [], 'x'), { version: 'HTTP/1.0', headers });
    expect((await kept.response).header('connection')).toBe('keep-alive');
    expect((await kept.client.request({ version: 'HTTP/1.0', headers }).response()).status).toBe(200);
  });

  it('streams chunked to 1.1, and to 1.0 until the connection closes', async () => {
    const stream = (exchange: HttpExchange) => {
      exchange.start(200, []);
      exchange.write('one ');
      exchange.write(new Uint8Array([0xff, 0]));
      exchange.end('two');
    };
    const modern = await (await ask(stream)).response;
    expect([modern.framing, latin1Slice(modern.body, 0, modern.body.length)]).toEqual(['chunked', 'one \xff\0two']);
    const old = await ask(stream, { version: 'HTTP/1.0', headers: [['connection', 'keep-alive']] });
    expect(await old.response).toMatchObject({ framing: 'close' });
    expect((await old.response).body).toHaveLength(9);
    expect((await old.response).header('connection')).toBe('close');
  });

  it('counts the answer as replied once, whether it closes or not', async () => {
    for (const request of [{}, close]) {
      const { server, response } = await ask((exchange) => exchange.respond(200, [], 'x'), request);
      await response;
      await settled();
      expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 0, clientGone: 0 });
    }
  });
});

describe('HttpExchange: Content-Length is enforced', () => {
  it('refuses a whole body of another length, with nothing sent', async () => {
    for (const declared of ['3', '5']) {
      const { response, thrown } = await ask((exchange) => exchange.respond(200, [['Content-Length', declared]], 'four'));
      expect((await response).status).toBe(500);
      expect(thrown().code).toBe('M2_BODY_LENGTH_MISMATCH');
    }
  });

  it('cuts a stream that is too long, and closes', async () => {
    const { client, response, thrown, server } = await ask((exchange) => {
      exchange.start(200, [['content-length', '4']]);
      exchange.write('abc');
      exchange.write('de');
    });
    await expect(response).rejects.toThrow('after 3 bytes of its body');
    expect(await client.closed).toBe('handler');
    expect(thrown().code).toBe('M2_BODY_LENGTH_MISMATCH');
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 1 });
  });

  it('closes after a stream that is too short', async () => {
    const { client, response, thrown, server } = await ask((exchange) => {
      exchange.start(200, [['content-length', '10']]);
      exchange.end('abc');
    });
    await expect(response).rejects.toThrow('after 3 bytes of its body');
    expect(await client.closed).toBe('handler');
    expect(thrown()).toMatchObject({ code: 'M2_BODY_LENGTH_MISMATCH', details: { declared: 10, actual: 3 } });
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 1 });
  });

  it('takes a stream of exactly the length, and a pipelined request after it', async () => {
    const { client, response } = await ask((exchange) => {
      exchange.start(200, [['content-length', '6']]);
      exchange.write('abc');
      exchange.end('def');
    });
    expect(await response).toMatchObject({ framing: 'length' });
    expect((await client.request().response()).text).toBe('abcdef');
  });
});

describe('HttpExchange: headers', () => {
  it.each([
    ['a line feed', 'x\ny: z'],
    ['a carriage return', 'x\ry: z'],
    ['a NUL', 'x\0'],
    ['a character beyond latin1', '\u0107'],
  ])('refuses a value with %s, without a trace in the response', async (_, value) => {
    const { client, response, thrown } = await ask((exchange) => exchange.respond(200, [['X-Evil', value]], 'body'));
    expect((await response).status).toBe(500);
    expect(thrown().code).toBe('M2_BAD_HEADER');
    expect(latin1Slice(client.received, 0, client.received.length)).not.toContain('X-Evil');
  });

  it('refuses a split response through a name, and empty names', async () => {
    for (const name of ['X\r\nHTTP/1.1 200 OK\r\n', '', 'a b', 'a:']) {
      const { response, thrown } = await ask((exchange) => exchange.respond(200, [[name, 'v']]));
      expect((await response).status).toBe(500);
      expect(thrown().code).toBe('M2_BAD_HEADER');
    }
  });

  it('refuses two Content-Length that differ, and joins two that are equal', async () => {
    const twice = (a: string, b: string) => (exchange: HttpExchange) =>
      exchange.respond(
        200,
        [
          ['Content-Length', a],
          ['content-length', b],
        ] as const,
        'four',
      );
    const differing = await ask(twice('4', '5'));
    expect((await differing.response).status).toBe(500);
    expect(differing.thrown().code).toBe('M2_BAD_HEADER');
    expect((await (await ask(twice('4', '4'))).response).all('content-length')).toEqual(['4']);
  });

  it('frames by itself when the app gives Transfer-Encoding, with and without Content-Length', async () => {
    const both = await ask((exchange) =>
      exchange.respond(
        200,
        [
          ['Transfer-Encoding', 'chunked'],
          ['Content-Length', '1'],
        ],
        'x',
      ),
    );
    expect(await both.response).toMatchObject({ framing: 'length' });
    const streamed = await ask((exchange) => {
      exchange.start(200, [['Transfer-Encoding', 'gzip, chunked']]);
      exchange.end('x');
    });
    expect((await streamed.response).all('transfer-encoding')).toEqual(['chunked']);
  });

  it('drops what belongs to the connection, and keeps several Set-Cookie apart', async () => {
    const hop = ['Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Upgrade', 'Connection'].map((name) => [name, 'x'] as const);
    const { response } = await ask((exchange) =>
      exchange.respond(200, [...hop, ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2, c']]),
    );
    expect((await response).headers.map(([name]) => name)).toEqual(['Set-Cookie', 'Set-Cookie', 'Content-Length', 'Date']);
    expect((await response).all('set-cookie')).toEqual(['a=1', 'b=2, c']);
  });

  it('sends 103 before the answer, but not to HTTP/1.0, and refuses other interim statuses', async () => {
    const hint = (exchange: HttpExchange) => {
      exchange.inform(103, [['Link', '</a.css>; rel=preload']]);
      exchange.respond(200, [], 'x');
    };
    const { interim } = await (await ask(hint)).response;
    expect(interim).toMatchObject([{ status: 103, headers: [['Link', '</a.css>; rel=preload']] }]);
    expect((await (await ask(hint, { version: 'HTTP/1.0' })).response).interim).toEqual([]);
    for (const status of [100, 101, 200]) {
      const { thrown, response } = await ask((exchange) => exchange.inform(status, []));
      await response;
      expect(thrown().code).toBe('M2_BAD_HEADER');
    }
  });
});

describe('HttpExchange: order of use', () => {
  it('refuses a second answer, and a second exchange', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    const client = mongrel2.connect().request().request();
    await settled();
    const [first] = handler.exchanges as [HttpExchange];
    expect(() => first.write('x')).toThrow(M2Error);
    expect(() => new (first.constructor as typeof HttpExchange)(first.request, first.client)).toThrow('another HttpExchange');
    first.respond(200, [], 'x');
    for (const again of [
      () => first.respond(200, []),
      () => first.start(200, []),
      () => first.end(),
      () => first.inform(103, []),
    ]) {
      expect(again).toThrow(expect.objectContaining({ code: 'M2_EXCHANGE_STATE' }));
    }
    await client.response();
    await settled();
    handler.exchanges[1]?.respond(200, [], 'second');
    expect((await client.response()).text).toBe('second');
  });

  it('does nothing for empty pieces', async () => {
    const { response } = await ask((exchange) => {
      exchange.start(200, []);
      expect(exchange.write('')).toBe(true);
      exchange.write('a');
      exchange.write(new Uint8Array(0));
      exchange.end('');
    });
    expect((await response).text).toBe('a');
  });

  it('answers pipelined requests in their order even if the first is slow', async () => {
    const slow: HttpExchange[] = [];
    const started: string[] = [];
    const handler = http((exchange, request) => {
      started.push(request.path);
      if (request.path === '/slow') slow.push(exchange);
      else exchange.respond(200, [], request.path);
    });
    const { mongrel2 } = await start(handler);
    const client = mongrel2.connect();
    for (const path of ['/slow', '/2', '/3', '/4']) client.request({ path });
    const other = mongrel2.connect().request({ path: '/other' });
    expect((await other.response()).text).toBe('/other');
    expect(started).toEqual(['/slow', '/other']);
    slow[0]?.respond(200, [], '/slow');
    for (const path of ['/slow', '/2', '/3', '/4']) expect((await client.response()).text).toBe(path);
  });

  it('serves both header protocols alike', async () => {
    for (const protocol of ['json', 'tnetstring'] as const) {
      const { mongrel2 } = await start(echoPath, { mongrel2: { protocol } });
      expect((await mongrel2.connect().request({ path: '/a%20b?c=d' }).response()).text).toBe('/a%20b');
    }
  });
});

describe('HttpExchange: the client goes away', () => {
  it('aborts the signal and calls listeners, once, with the cause', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler);
    const client = mongrel2.connect().request();
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    const causes: M2Error[] = [];
    exchange.onAbort((cause) => causes.push(cause));
    exchange.signal.addEventListener('abort', () => causes.push(exchange.signal.reason as M2Error));
    client.disconnect();
    mongrel2.sendRaw(new TextEncoder().encode('scripted 1 @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},'));
    await settled();
    expect(causes.map((cause) => cause.code)).toEqual(['M2_CLIENT_GONE', 'M2_CLIENT_GONE']);
    exchange.onAbort((cause) => causes.push(cause));
    expect(causes).toHaveLength(3);
    expect(exchange).toMatchObject({ ended: true, aborted: { code: 'M2_CLIENT_GONE' } });
    expect(server.stats().counters).toMatchObject({ clientGone: 1, replied: 0, notices: 2 });
  });

  it('ignores what is still sent: write is false, respond and end do nothing', async () => {
    const handler = collecting();
    const { mongrel2, replies } = await start(handler);
    const clients = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    const [streaming, whole] = handler.exchanges as [HttpExchange, HttpExchange];
    streaming.start(200, []);
    expect(streaming.write('x')).toBe(true);
    await settled();
    const before = replies.length;
    for (const client of clients) client.disconnect();
    await settled();
    expect(streaming.write('y')).toBe(false);
    await streaming.drained();
    streaming.end();
    whole.respond(200, [], 'late');
    await settled();
    expect(replies).toHaveLength(before);
  });

  it('never aborts after a complete answer', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    const client = mongrel2.connect().request();
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    let aborts = 0;
    exchange.onAbort(() => aborts++);
    exchange.respond(200, [], 'x');
    await client.response();
    client.disconnect();
    await settled();
    expect([aborts, exchange.signal.aborted, exchange.aborted]).toEqual([0, false, undefined]);
  });

  it('destroy() cuts the connection at once and counts the answer as cut short', async () => {
    const handler = collecting();
    const { mongrel2, ended } = await start(handler);
    const client = mongrel2.connect().request();
    await settled();
    handler.exchanges[0]?.destroy();
    handler.exchanges[0]?.destroy();
    expect(await client.closed).toBe('cancel');
    expect(ended).toMatchObject([{ outcome: 'replied', truncated: true }]);
  });
});
