import { describe, expect, it } from 'vitest';
import { collecting, http, settled, start } from '../../test/harness.js';
import type { HttpExchange } from '../http/exchange.js';
import { eventually, ManualClock } from '../testing/index.js';

const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

describe('A handler that fails', () => {
  it('gets its client a 500 that tells nothing, and a log line that tells all', async () => {
    for (const sync of [true, false]) {
      const boom = new Error('secret detail');
      const { mongrel2, server, lines } = await start({
        handle: () => {
          if (sync) throw boom;
          return Promise.reject(boom);
        },
      });
      const client = mongrel2.connect().request();
      const response = await client.response();
      expect([response.status, response.text]).toEqual([500, 'Internal Server Error\n']);
      expect(lines.find((line) => line.level === 'error')?.error).toBe(boom);
      expect(server.stats().counters).toMatchObject({ handlerErrors: 1, replied: 1, truncated: 0 });
      expect((await client.request().response()).status).toBe(500);
    }
  });

  it('after its head: cuts the answer short and closes', async () => {
    const { mongrel2, server } = await start(
      http((exchange) => {
        exchange.start(200, []);
        exchange.write('half');
        throw new Error('broken');
      }),
    );
    const client = mongrel2.connect().request();
    await expect(client.response()).rejects.toThrow('after 4 bytes of its body');
    expect(await client.closed).toBe('handler');
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 1, handlerErrors: 1 });
  });

  it('after a plain send: closes', async () => {
    const { mongrel2, server } = await start({
      handle(_, client) {
        client.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
        throw new Error('broken');
      },
    });
    const client = mongrel2.connect().request();
    expect(await client.closed).toBe('handler');
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 1 });
  });

  it('on other messages: is logged, and hurts nobody', async () => {
    const { mongrel2, server } = await start({
      handle(message) {
        if (message.kind === 'disconnect') throw new Error('on disconnect');
        if (message.kind === 'json-socket') return Promise.reject(new Error('on json'));
      },
    });
    const client = mongrel2.connect().socketMessage('@a', '{}');
    await settled();
    client.disconnect();
    await settled();
    expect(server.stats().counters).toMatchObject({ handlerErrors: 2, received: 0 });
  });

  it('has its observer kept apart: one that throws is logged', async () => {
    const { mongrel2, lines } = await start(
      http((exchange) => exchange.respond(200, [])),
      {
        serve: {
          ended: () => {
            throw new Error('observer');
          },
        },
      },
    );
    const client = mongrel2.connect().request().request();
    await client.response();
    await client.response();
    expect(lines.length).toBeGreaterThan(0);
  });
});

describe('A plain handler, without HttpExchange', () => {
  it('has answered when its call is over and something was sent', async () => {
    const { mongrel2, server } = await start({
      async handle(_, client) {
        client.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
        await settled();
        client.send('hello');
      },
    });
    const client = mongrel2.connect().request().request();
    for (let n = 0; n < 2; n++) expect((await client.response()).text).toBe('hello');
    expect(server.stats()).toMatchObject({ inFlight: 0, counters: { received: 2, replied: 2 } });
  });

  it('may return and answer later: a long poll', async () => {
    const handler = { handle: () => {} };
    const { mongrel2, server, clients } = await start(handler);
    const client = mongrel2.connect().request().request({ path: '/second' });
    await settled();
    const [record] = clients();
    expect(server.stats()).toMatchObject({ inFlight: 1 });
    record?.send(HELLO);
    await settled();
    expect((await client.response()).text).toBe('hello');
    expect(record?.current?.path).toBe('/second');
    record?.send(HELLO);
    expect((await client.response()).text).toBe('hello');
    expect(server.stats()).toMatchObject({ inFlight: 0, counters: { received: 2, replied: 2 } });
  });

  it('may close instead of answering, which counts as an answer cut short', async () => {
    const { mongrel2, ended } = await start({ handle: (_, client) => client.close() });
    expect(await mongrel2.connect().request().closed).toBe('handler');
    expect(ended).toMatchObject([{ outcome: 'replied', truncated: true }]);
  });

  it('may close with something still on its way: that arrives first, and the end is counted', async () => {
    const { mongrel2, ended } = await start({
      handle(_, client) {
        for (let n = 0; n < 50; n++) client.send(`${n % 10}`.repeat(5000));
        client.close();
        expect(client.send('too late')).toBe(false);
      },
    });
    const client = mongrel2.connect().request();
    expect(await client.closed).toBe('handler');
    expect(client.received).toHaveLength(250_000);
    expect(ended).toMatchObject([{ outcome: 'replied', truncated: true }]);
  });

  it('cannot send what is not latin1, at any time, and hears of it at once', async () => {
    const thrown: unknown[] = [];
    const { mongrel2 } = await start({
      handle(_, client) {
        for (let n = 0; n < 10; n++) client.send('x');
        try {
          client.send('\u20ac');
        } catch (error) {
          thrown.push(error);
        }
        client.close();
      },
    });
    const client = mongrel2.connect().request();
    await client.closed;
    expect(client.received).toHaveLength(10);
    expect(thrown).toMatchObject([{ code: 'M2_BAD_REPLY' }]);
  });
});

describe('Bounds', () => {
  it('queues beyond maxInFlight, and sheds beyond maxQueueBytes with 503 and Retry-After', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { serve: { maxInFlight: 2, maxQueueBytes: 600 } });
    const clients = Array.from({ length: 10 }, (_, n) => mongrel2.connect().request({ path: `/${n}` }));
    await settled();
    const { inFlight, queued, queuedBytes, counters } = server.stats();
    expect(inFlight).toBe(2);
    expect(queued).toBeGreaterThan(0);
    expect(queuedBytes).toBeLessThanOrEqual(600);
    expect(counters.shed).toBe(10 - 2 - queued);
    const refused = await (clients[9] as (typeof clients)[0]).response();
    expect([refused.status, refused.header('retry-after')]).toEqual([503, '1']);
    for (let n = 0; n < 2 + queued; n++) {
      await eventually(() => handler.exchanges.length > n, 'the next one was started');
      handler.exchanges[n]?.respond(200, [], `${n}`);
      expect((await (clients[n] as (typeof clients)[0]).response()).text).toBe(`${n}`);
    }
    expect(server.stats()).toMatchObject({ queued: 0, queuedBytes: 0, inFlight: 0 });
  });

  it('starts nothing for those who left while they waited', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { serve: { maxInFlight: 1 } });
    const [first, gone, last] = ['/a', '/b', '/c'].map((path) => mongrel2.connect().request({ path }));
    await settled();
    gone?.disconnect();
    await settled();
    handler.exchanges[0]?.respond(200, []);
    await first?.response();
    await settled();
    expect(handler.messages.flatMap((message) => (message.kind === 'http' ? [message.path] : []))).toEqual(['/a', '/c']);
    handler.exchanges[1]?.respond(200, []);
    await last?.response();
    expect(server.stats().counters).toMatchObject({ received: 3, replied: 2, clientGone: 1 });
  });

  it('cuts a client that pipelines more than its bound, and counts each of its requests once', async () => {
    const handler = collecting();
    const { mongrel2, server, clients } = await start(handler, { connection: { maxPipelined: 3 } });
    const client = mongrel2.connect();
    for (let n = 0; n < 5; n++) client.request();
    expect(await client.closed).toBe('cancel');
    expect(server.stats()).toMatchObject({
      queuedBytes: 0,
      inFlight: 0,
      counters: { received: 5, shed: 1, clientGone: 4, replied: 0 },
    });
    expect(handler.exchanges[0]?.aborted?.code).toBe('M2_OVERLOADED');
    expect(clients()).toEqual([]);
  });

  it('keeps order and bounds together: pipelined requests wait their turn behind others', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler, { serve: { maxInFlight: 1 } });
    const [one, two] = [mongrel2.connect(), mongrel2.connect()];
    one.request({ path: '/1' }).request({ path: '/2' });
    two.request({ path: '/3' });
    for (let n = 0; n < 3; n++) {
      await eventually(() => handler.exchanges.length === n + 1, 'exactly one more was started');
      await settled();
      const exchange = handler.exchanges[n] as HttpExchange;
      exchange.respond(200, [], exchange.request.path);
    }
    expect([(await one.response()).text, (await one.response()).text, (await two.response()).text]).toEqual(['/1', '/2', '/3']);
  });

  it('answers 504 what takes too long to begin, and lets go of it', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { connection: { clock }, serve: { requestTimeoutMs: 1000 } });
    const [slow, streaming] = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    handler.exchanges[1]?.start(200, []);
    await clock.advanceInTicks(1500);
    const response = await slow.response();
    expect([response.status, response.header('connection')]).toEqual([504, 'close']);
    expect(await slow.closed).toBe('handler');
    expect(handler.exchanges[0]?.aborted?.code).toBe('M2_TIMED_OUT');
    handler.exchanges[0]?.respond(200, [], 'too late');
    handler.exchanges[1]?.end('in time');
    expect((await streaming.response()).text).toBe('in time');
    expect(server.stats().counters).toMatchObject({ received: 2, timedOut: 1, replied: 1 });
  });
});
