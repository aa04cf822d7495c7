import { describe, expect, it } from 'vitest';
import { collecting, echoPath, http, settled, start } from '../../test/harness.js';
import type { HttpExchange } from '../http/exchange.js';
import { ManualClock } from '../testing/index.js';

describe('stop()', () => {
  it('lets what is in flight finish, takes no more, closes, and tells the handler', async () => {
    const calls: string[] = [];
    const handler = Object.assign(collecting(), {
      stopping: (graceMs: number) => void calls.push(`stopping ${graceMs}`),
      close: async () => void calls.push('close'),
    });
    const { mongrel2, server } = await start(handler, { serve: { graceMs: 5000 } });
    const client = mongrel2.connect().request();
    await settled();
    const stopping = server.stop();
    await settled();
    const late = mongrel2.connect().request();
    await settled();
    expect(calls).toEqual(['stopping 5000']);
    handler.exchanges[0]?.respond(200, [], 'in time');
    expect(await stopping).toEqual({ unfinished: 0 });
    await server.closed;
    expect((await client.response()).text).toBe('in time');
    expect(late.received).toHaveLength(0);
    expect(calls).toEqual(['stopping 5000', 'close']);
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1 });
  });

  it('is idempotent, and at once when nothing is open', async () => {
    const { server } = await start(echoPath);
    const stops = await Promise.all([server.stop(), server.stop(), server.stop({ graceMs: 0 })]);
    expect(stops).toEqual([{ unfinished: 0 }, { unfinished: 0 }, { unfinished: 0 }]);
  });

  it('tells long-lived event streams to end', async () => {
    const { mongrel2, server } = await start(
      http((exchange) => {
        exchange.start(200, [['Content-Type', 'text/event-stream']]);
        exchange.write('data: 1\n\n');
        exchange.signal.addEventListener('abort', () => exchange.end('data: bye\n\n'));
      }),
    );
    const client = mongrel2.connect().request();
    await settled();
    expect(await server.stop({ graceMs: 60_000 })).toEqual({ unfinished: 0 });
    expect((await client.response()).text).toBe('data: 1\n\ndata: bye\n\n');
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 0 });
  });

  it('tells them by their signal only: onAbort is for answers that are cut short, and hears of a client that leaves later', async () => {
    const heard: string[] = [];
    const handler = http((exchange) => {
      exchange.start(200, [['Content-Type', 'text/event-stream']]);
      exchange.onAbort((cause) => heard.push(`onAbort ${cause.code}`));
      exchange.signal.addEventListener('abort', () => {
        heard.push(`signal ${exchange.signal.reason.code}, ${exchange.aborted === undefined ? 'still open' : 'over'}`);
        exchange.write('data: one moment\n\n');
      });
    });
    // With flow control requests are still taken in while something is open, and notices with them.
    const { mongrel2, server } = await start(handler, { mongrel2: { flowControl: true } });
    const client = mongrel2.connect().request();
    await settled();
    const stopping = server.stop({ graceMs: 60_000 });
    await settled();
    expect(heard).toEqual(['signal M2_SHUTTING_DOWN, still open']);
    client.disconnect();
    expect(await stopping).toEqual({ unfinished: 0 });
    expect(heard).toEqual(['signal M2_SHUTTING_DOWN, still open', 'onAbort M2_CLIENT_GONE']);
    expect(Buffer.from(client.received).toString()).toContain('data: one moment');
    client.response().catch(() => {});
  });

  it('aborts a signal that is first asked for when the stop is under way', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler);
    const client = mongrel2.connect().request();
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    exchange.start(200, [['Content-Type', 'text/event-stream']]);
    const stopping = server.stop({ graceMs: 60_000 });
    expect(exchange.signal.reason).toMatchObject({ code: 'M2_SHUTTING_DOWN' });
    exchange.end('data: bye\n\n');
    expect((await client.response()).text).toBe('data: bye\n\n');
    expect(await stopping).toEqual({ unfinished: 0 });
  });

  it('waits for what still needs Mongrel2, such as an upload, before it takes no more', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler);
    const client = mongrel2.connect().request({ body: new Uint8Array(100_000) });
    await settled();
    const stopping = server.stop({ graceMs: 60_000 });
    await settled();
    const [exchange] = handler.exchanges;
    let size = 0;
    for (let part = await exchange?.body.read(); part !== undefined; part = await exchange?.body.read()) size += part.length;
    exchange?.respond(200, [], `${size}`);
    expect((await client.response()).text).toBe('100000');
    expect(await stopping).toEqual({ unfinished: 0 });
  });
});

describe('stop() when the grace time is over', () => {
  it('answers 503 what has no answer, and cuts short and closes what has half of one', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const { mongrel2, server, ended } = await start(handler, { connection: { clock } });
    const [silent, streaming] = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    handler.exchanges[1]?.start(200, []);
    handler.exchanges[1]?.write('half');
    const stopping = server.stop({ graceMs: 1000 });
    await clock.advanceInTicks(1100);
    expect(await stopping).toEqual({ unfinished: 2 });
    expect((await silent.response()).status).toBe(503);
    await expect(streaming.response()).rejects.toThrow('within a response');
    expect([silent.closedBy, await streaming.closed]).toEqual([undefined, 'handler']);
    expect(ended.map(({ outcome, truncated }) => [outcome, truncated])).toEqual([
      ['shed', false],
      ['replied', true],
    ]);
  });

  it('tells what makes an answer that it was cut short, so that nothing more is made', async () => {
    const heard: string[] = [];
    let written = 0;
    const { mongrel2, server } = await start(
      http((exchange) => {
        exchange.onAbort((cause) => heard.push(cause.code));
        exchange.signal.addEventListener('abort', () => heard.push('signal'));
        exchange.start(200, []);
        const write = () => {
          while (!exchange.ended && exchange.write(new Uint8Array(10_000)) && written < 10_000) written++;
          if (!exchange.ended) void exchange.drained().then(write);
        };
        write();
      }),
      { mongrel2: { flowControl: true }, connection: { flowControl: 'on' } },
    );
    const client = mongrel2.connect();
    client.slow();
    client.request();
    await settled();
    expect(await server.stop({ graceMs: 0 })).toEqual({ unfinished: 1 });
    expect(heard).toEqual(['signal', 'M2_CLOSED']);
    expect(written).toBeLessThan(1000);
    client.response().catch(() => {});
  });

  it('answers plain handlers’ requests 503 too, and refuses what is queued or pipelined behind', async () => {
    const { mongrel2, server } = await start({ handle: () => {} }, { serve: { maxInFlight: 1 } });
    const first = mongrel2.connect().request().request();
    const queued = mongrel2.connect().request();
    await settled();
    expect(await server.stop({ graceMs: 0 })).toEqual({ unfinished: 3 });
    expect([(await first.response()).status, (await queued.response()).status]).toEqual([503, 503]);
    expect(server.stats().counters).toMatchObject({ received: 3, shed: 3, replied: 0, clientGone: 0 });
  });

  it('is forced by a second stop', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { connection: { clock } });
    const client = mongrel2.connect().request();
    await settled();
    const first = server.stop({ graceMs: 60_000 });
    await clock.advanceInTicks(100);
    const second = server.stop({ graceMs: 0 });
    await clock.advanceInTicks(20);
    expect(await Promise.all([first, second])).toEqual([{ unfinished: 1 }, { unfinished: 1 }]);
    expect((await client.response()).status).toBe(503);
    expect(clock.now()).toBeLessThan(1000);
  });

  it('drops a client that reads nothing, and says so to Mongrel2', async () => {
    const { mongrel2, server } = await start(
      http((exchange) => exchange.respond(200, [], new Uint8Array(500_000))),
      { mongrel2: { flowControl: true, socketBytes: 1000 } },
    );
    const client = mongrel2.connect();
    client.slow();
    client.request();
    await settled();
    expect(await server.stop({ graceMs: 0 })).toEqual({ unfinished: 1 });
    expect(await client.closed).toBe('cancel');
    expect(server.stats().counters).toMatchObject({ received: 1, clientGone: 1 });
  });

  it('does not wait longer for the handler to close, nor after a second stop', async () => {
    const clock = new ManualClock();
    const never = { handle: () => {}, close: () => new Promise<void>(() => {}) };
    const patient = await start(never, { connection: { clock } });
    let stopped = 0;
    void patient.server.stop({ graceMs: 1000 }).then(() => stopped++);
    await clock.advanceInTicks(990);
    expect(stopped).toBe(0);
    await clock.advanceInTicks(20);
    expect(stopped).toBe(1);
    expect(patient.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringContaining("The handler's close() was not done"),
    ]);
    const forced = await start(never, { connection: { clock } });
    void forced.server.stop({ graceMs: 60_000 }).then(() => stopped++);
    await clock.advanceInTicks(500);
    expect(stopped).toBe(1);
    await forced.server.stop({ graceMs: 0 });
    expect(clock.now()).toBeLessThan(1600);
  });

  it('still lets a handler let go of what it has when there is no time at all', async () => {
    const steps: string[] = [];
    const close = async () => {
      for (let n = 0; n < 20; n++) await undefined;
      steps.push('closed');
    };
    const { server, lines } = await start({ handle: () => {}, close });
    await server.stop({ graceMs: 0 });
    expect(steps).toEqual(['closed']);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('survives a handler whose hooks throw', async () => {
    const { server, lines } = await start({
      handle: () => {},
      stopping: () => {
        throw new Error('in stopping');
      },
      close: () => Promise.reject(new Error('in close')),
    });
    expect(await server.stop()).toEqual({ unfinished: 0 });
    expect(lines.filter((line) => line.level === 'error')).toHaveLength(2);
  });
});
