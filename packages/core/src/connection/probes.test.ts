import { describe, expect, it } from 'vitest';
import { collecting, type Running, type Setup, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import type { Handler } from '../handler.js';
import { ManualClock, type ScriptedClient } from '../testing/index.js';
import type { ScriptedRequest } from '../testing/scripted-message.js';
import { NOBODY } from './barrier.js';
import type { Client } from './client.js';

/** The message for a client that reads nothing which Mongrel2 drops it over: one in the kernel, one being written, 16 queued. */
const DROPPED_OVER = 19;

interface Case extends Running {
  readonly clock: ManualClock;
  /** Asks, and streams an answer in so many messages. */
  answer(client: ScriptedClient, messages: number, request?: ScriptedRequest): Promise<void>;
  /** Answers of one short message. */
  short(client: ScriptedClient): Promise<void>;
}

async function given(setup: Setup & { readonly handler?: Handler } = {}): Promise<Case> {
  const clock = new ManualClock();
  const handler = collecting();
  const running = await start(setup.handler ?? handler, {
    ...setup,
    mongrel2: { socketBytes: 1, ...setup.mongrel2 },
    connection: { clock, flowControl: 'off', ...setup.connection },
  });
  const ask = async (client: ScriptedClient, request: ScriptedRequest) => {
    client.request(request);
    await settled();
    const exchange = handler.exchanges.at(-1);
    if (exchange === undefined) throw new Error('No request came.');
    return exchange;
  };
  return {
    ...running,
    clock,
    async answer(client, messages, request = {}) {
      const exchange = await ask(client, request);
      exchange.start(200, []);
      for (let n = 1; n < messages; n++) {
        exchange.write(`piece ${n}\n`);
        await clock.advanceInTicks(4);
      }
      exchange.end('the end\n');
      await clock.advanceInTicks(4);
    },
    async short(client) {
      (await ask(client, {})).respond(200, [], 'short');
      await clock.advanceInTicks(4);
    },
  };
}

/** The connections that were probed, twice each. */
const probed = ({ replies }: Running) =>
  replies.flatMap((reply) =>
    !(reply instanceof M2Error) && reply.kind === 'control' && !reply.ids.includes(NOBODY) ? [reply.ids] : [],
  );

const warnings = ({ lines }: Running) => lines.filter(({ message }) => message.includes('counted as truncated'));

describe('An answer of more messages than Mongrel2 queues', () => {
  it('is counted as truncated when its last message was the one that the client was dropped over', async () => {
    const all = await given();
    const client = all.mongrel2.connect();
    client.slow();
    await all.answer(client, DROPPED_OVER);
    expect(client.closedBy).toBe('killed');
    expect(probed(all)).toEqual([[client.id, client.id]]);
    expect(all.server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 1, clientGone: 0 });
    expect(warnings(all).map(({ level }) => level)).toEqual(['warn']);
  });

  it('is not when the client has room for it', async () => {
    const all = await given();
    const client = all.mongrel2.connect();
    client.slow();
    await all.answer(client, DROPPED_OVER - 1);
    expect(probed(all)).toEqual([[client.id, client.id]]);
    client.resume();
    expect((await client.response()).text).toMatch(/the end\n$/);
    expect(all.server.stats().counters).toMatchObject({ replied: 1, truncated: 0 });
    expect(warnings(all)).toEqual([]);
  });

  it('is not when the client leaves once it has read everything', async () => {
    const all = await given();
    const client = all.mongrel2.connect();
    await all.answer(client, 40);
    await client.response();
    client.disconnect();
    await settled();
    expect(all.server.stats().counters).toMatchObject({ replied: 1, truncated: 0, notices: 1 });
    expect(warnings(all)).toEqual([]);
  });

  it('counts as the end of the client, not as an answer, when more of it was still to come', async () => {
    const all = await given();
    const client = all.mongrel2.connect();
    client.slow();
    await all.answer(client, DROPPED_OVER + 4);
    expect(all.server.stats().counters).toMatchObject({ replied: 0, truncated: 0, clientGone: 1 });
  });

  it('is probed before its connection is closed, when the id is still known', async () => {
    const all = await given();
    const [reader, sleeper] = [all.mongrel2.connect(), all.mongrel2.connect()];
    sleeper.slow();
    const headers: [string, string][] = [['connection', 'close']];
    await all.answer(reader, 30, { headers });
    await all.answer(sleeper, DROPPED_OVER, { headers });
    expect([reader.closedBy, sleeper.closedBy]).toEqual(['handler', 'killed']);
    expect(all.server.stats().counters).toMatchObject({ replied: 2, truncated: 1 });
  });
});

describe('A probe', () => {
  it('is not sent with flow control, nor after short answers, however many they are', async () => {
    const withFlow = await given({ mongrel2: { flowControl: true }, connection: { flowControl: 'on' } });
    await withFlow.answer(withFlow.mongrel2.connect(), 40);
    expect(probed(withFlow)).toEqual([]);
    const all = await given();
    const client = all.mongrel2.connect();
    for (let n = 0; n < 40; n++) await all.short(client);
    expect(probed(all)).toEqual([]);
  });

  it('is answered by a later request: when the client leaves after that, nothing was truncated', async () => {
    const all = await given();
    const client = all.mongrel2.connect();
    await all.answer(client, 30);
    await all.short(client);
    client.disconnect();
    await settled();
    // A second notice, as it would be of something sent to a client that had just left.
    all.mongrel2.sendRaw(new TextEncoder().encode(`scripted ${client.id} @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},`));
    await settled();
    expect(all.server.stats().counters).toMatchObject({ replied: 2, truncated: 0, notices: 2 });
  });

  it('is forgotten when no answer came in time, and when Mongrel2 was restarted', async () => {
    const all = await given();
    const notice = new TextEncoder().encode('scripted 1 @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},');
    await all.answer(all.mongrel2.connect(), 30);
    await all.clock.advanceInTicks(20_000);
    for (let n = 0; n < 2; n++) all.mongrel2.sendRaw(notice);
    await settled();
    await all.mongrel2.restart();
    await settled();
    await all.answer(all.mongrel2.connect(), 30);
    await all.mongrel2.restart();
    await settled();
    for (let n = 0; n < 2; n++) all.mongrel2.sendRaw(notice);
    await settled();
    expect(all.server.stats().counters).toMatchObject({ replied: 2, truncated: 0, notices: 4 });
  });

  it('is sent for pipelined short answers too, which a client may leave unread together', async () => {
    const handler = collecting();
    const all = await given({ handler });
    const client = all.mongrel2.connect();
    client.slow();
    for (let n = 0; n <= DROPPED_OVER; n++) client.request();
    await settled();
    for (let n = 0; n < DROPPED_OVER; n++) {
      handler.exchanges[n]?.respond(200, [], 'short');
      await all.clock.advanceInTicks(4);
    }
    expect(client.closedBy).toBe('killed');
    expect(all.server.stats().counters).toMatchObject({ replied: DROPPED_OVER, truncated: 1, clientGone: 1 });
  });

  it('is sent for what a plain handler wrote too', async () => {
    let finish = () => {};
    const written = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let writer: Client | undefined;
    const handler: Handler = {
      handle(message, client) {
        if (message.kind !== 'http') return;
        writer = client;
        return written;
      },
    };
    const all = await given({ handler });
    const client = all.mongrel2.connect();
    client.slow();
    client.request();
    await settled();
    for (let n = 0; n < DROPPED_OVER; n++) {
      writer?.send(n === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n' : 'x');
      await all.clock.advanceInTicks(4);
    }
    finish();
    await settled();
    expect(all.server.stats().counters).toMatchObject({ replied: 1, truncated: 1 });
  });

  it('is logged one by one only at first', async () => {
    const all = await given();
    for (let n = 0; n < 13; n++) {
      const client = all.mongrel2.connect();
      client.slow();
      await all.answer(client, DROPPED_OVER);
    }
    expect([all.server.stats().counters.truncated, warnings(all).length]).toEqual([13, 10]);
  });
});
