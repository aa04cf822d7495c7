import { describe, expect, it } from 'vitest';
import { latin1Bytes, latin1Slice } from '#platform';
import { collecting, echoPath, http, type Running, settled, start } from '../../test/harness.js';
import { eventually, ManualClock, ScriptedMongrel2 } from '../testing/index.js';
import type { LinkReceiver, Transport } from '../transport.js';
import { encodeRequest } from '../wire/server-side.js';

/** A transport that keeps messages back until told, as a socket does whose receive queue outlives its server. */
function holding(transport: Transport) {
  const held: { batch: readonly Uint8Array[]; epoch: number; receiver: LinkReceiver }[] = [];
  const state = { hold: false };
  const wrapped: Transport = {
    name: transport.name,
    capabilities: transport.capabilities,
    open: (spec, receiver, signal) => {
      const between: LinkReceiver = {
        up: (epoch, subscription) => receiver.up(epoch, subscription),
        down: (epoch, cause) => receiver.down(epoch, cause),
        messages: (batch, epoch) => (state.hold ? void held.push({ batch, epoch, receiver }) : receiver.messages(batch, epoch)),
      };
      return transport.open(spec, between, signal);
    },
  };
  const release = () => {
    for (const { batch, epoch, receiver } of held.splice(0)) receiver.messages(batch, epoch);
  };
  return { wrapped, state, release };
}

const controls = (running: Running) => running.replies.filter((reply) => 'kind' in reply && reply.kind === 'control');
const keptAlive = (running: Running) =>
  controls(running).flatMap((reply) => ('keepAlive' in reply && reply.keepAlive ? [reply.ids] : []));

describe('ServerLink: a restart of Mongrel2', () => {
  it('never answers a request that was prefetched before and read after, and counts it', async () => {
    let hold: ReturnType<typeof holding> | undefined;
    const running = await start(echoPath, {
      wrap: (transport) => {
        hold = holding(transport);
        return hold.wrapped;
      },
    });
    const { mongrel2, server, ended } = running;
    const held = hold as ReturnType<typeof holding>;
    held.state.hold = true;
    mongrel2.connect().request({ path: '/prefetched' });
    await settled();
    await mongrel2.restart();
    await server.ready;
    await settled();
    held.state.hold = false;
    const stranger = mongrel2.connect();
    expect(stranger.id).toBe(1);
    held.release();
    await settled();
    expect(stranger.received).toHaveLength(0);
    expect(server.stats().counters).toMatchObject({ received: 1, clientGone: 1, replied: 0 });
    expect(ended).toMatchObject([{ id: 1, epoch: 1, outcome: 'clientGone' }]);
    expect((await stranger.request({ path: '/own' }).response()).text).toBe('/own');
  });

  it('ends what was open, and what is sent for it later reaches nobody', async () => {
    const handler = collecting();
    const running = await start(handler);
    const { mongrel2, server } = running;
    mongrel2.connect().request({ path: '/open' }).request({ path: '/pipelined' });
    await settled();
    const [exchange] = handler.exchanges;
    exchange?.start(200, []);
    await settled();
    await mongrel2.restart();
    await settled();
    expect(exchange?.aborted?.code).toBe('M2_LINK_DOWN');
    const stranger = mongrel2.connect();
    expect(exchange?.write('for the old one')).toBe(false);
    expect(exchange?.client.send('raw')).toBe(false);
    await settled();
    expect(stranger.received).toHaveLength(0);
    expect(server.stats().counters).toMatchObject({ received: 2, clientGone: 2, late: 1 });
    expect(server.stats().links[0]).toMatchObject({ up: true, epoch: 2 });
  });

  it('refuses a Client that a handler kept from before, even one that was at rest', async () => {
    const handler = collecting();
    const { mongrel2, connection, replies, clients } = await start(handler);
    mongrel2.connect().request();
    await settled();
    handler.exchanges[0]?.respond(200, []);
    await eventually(() => clients().length === 0, 'the record is at rest');
    await mongrel2.restart();
    await settled();
    const stranger = mongrel2.connect().request();
    await settled();
    const [old, current] = handler.clients;
    const before = replies.length;
    if (old === undefined || current === undefined) throw new Error('two clients were seen');
    expect([old.id, current.id]).toEqual([1, 1]);
    expect([old.closed, current.closed]).toEqual([true, false]);
    expect(connection.deliver([old], 'secret')).toBe(0);
    expect(old.send('secret')).toBe(false);
    old.close();
    old.cancel();
    old.keepAlive();
    old.grantCredits(5);
    await settled();
    expect(replies).toHaveLength(before);
    expect(stranger.received).toHaveLength(0);
    handler.exchanges[1]?.respond(200, [], 'mine');
    expect((await stranger.response()).text).toBe('mine');
  });
});

describe('ServerLink: what no request or client belongs to', () => {
  it('closes an orphan WebSocket frame with 1012, and counts it', async () => {
    const { mongrel2, server } = await start(http((exchange) => exchange.respond(200, [])));
    const client = mongrel2.connect();
    const orphan = { server: 'scripted', id: client.id, path: '/', body: latin1Bytes('hello') };
    const meta = [
      ['METHOD', 'WEBSOCKET'],
      ['VERSION', 'HTTP/1.1'],
      ['FLAGS', '0x81'],
    ] as const;
    mongrel2.sendRaw(encodeRequest({ ...orphan, meta, headers: [] }, 'json'));
    expect(await client.closed).toBe('handler');
    expect([...client.received]).toEqual([0x88, 2, 1012 >> 8, 1012 & 0xff]);
    expect(server.stats().counters).toMatchObject({ frames: 1, orphans: 1, received: 0 });
  });

  it('cancels an orphan upload part', async () => {
    const { mongrel2, server } = await start(echoPath);
    const client = mongrel2.connect();
    const part = { server: 'scripted', id: client.id, path: '/', body: latin1Bytes('data'), headers: [] };
    mongrel2.sendRaw(encodeRequest({ ...part, meta: [['UPLOAD_STREAM', '4096']] }, 'tnetstring'));
    expect(await client.closed).toBe('cancel');
    expect(server.stats().counters).toMatchObject({ uploadParts: 1, orphans: 1 });
  });

  it('counts orphan notices, and answers none of them', async () => {
    const running = await start(echoPath);
    for (const id of [7, 7])
      running.mongrel2.sendRaw(latin1Bytes(`scripted ${id} @* 17:{"METHOD":"JSON"},21:{"type":"disconnect"},`));
    running.mongrel2.sendRaw(latin1Bytes('scripted 9 @* 40:{"METHOD":"JSON","DOWNLOAD_CREDITS":"5"},18:{"type":"credits"},'));
    running.mongrel2.sendRaw(latin1Bytes('scripted 9 @* 17:{"METHOD":"JSON"},18:{"type":"unheard"},'));
    await settled();
    expect(running.server.stats().counters).toMatchObject({ notices: 4, received: 0 });
    expect(running.replies).toEqual([]);
    expect(running.clients()).toEqual([]);
  });

  it('counts malformed messages, logs the first of them, and goes on', async () => {
    const { mongrel2, server, lines } = await start(echoPath);
    const client = mongrel2.connect();
    for (let n = 0; n < 25; n++) mongrel2.sendRaw(latin1Bytes(`scripted ${n} / 5:{"x":`));
    mongrel2.sendRaw(new Uint8Array(0));
    expect((await client.request({ path: '/fine' }).response()).text).toBe('/fine');
    expect(server.stats().counters).toMatchObject({ malformed: 26, received: 1, replied: 1 });
    const complaints = lines.filter((line) => line.message.includes('could not be read'));
    expect(complaints).toHaveLength(10);
    expect(complaints[0]?.error?.code).toBe('M2_BAD_MESSAGE');
  });
});

describe('ServerLink: the subscription', () => {
  it('says once, with its code, that replies to this server vanish', async () => {
    const { mongrel2, lines } = await start(echoPath, { mongrel2: { recvIdent: 'other ' } });
    const client = mongrel2.connect().request().request();
    await settled();
    expect(client.received).toHaveLength(0);
    const errors = lines.filter((line) => line.level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]?.error).toMatchObject({
      code: 'M2_SUBSCRIPTION_MISMATCH',
      details: { subscription: 'other ', server: 'scripted' },
    });
    await mongrel2.restart();
    mongrel2.connect().request();
    await settled();
    expect(lines.filter((line) => line.level === 'error')).toHaveLength(2);
  });

  it.each(['', 'script', 'scripted', 'scripted '])("takes '%s' as one that reaches the server", async (recvIdent) => {
    const { mongrel2, lines } = await start(echoPath, { mongrel2: { recvIdent } });
    expect((await mongrel2.connect().request().response()).status).toBe(200);
    expect(lines.filter((line) => line.level === 'error')).toEqual([]);
  });
});

describe('ServerLink: keep-alive', () => {
  it('keeps what is open alive, in batches of 128, and nothing else', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const running = await start(handler, { connection: { clock, keepAliveMs: 40_000 } });
    const { mongrel2 } = running;
    const open = Array.from({ length: 300 }, () => mongrel2.connect().request({ path: '/open' }));
    const answered = mongrel2.connect().request({ path: '/answered' });
    await settled();
    handler.exchanges.at(-1)?.respond(200, []);
    await answered.response();
    await clock.advanceInTicks(79_000);
    expect(keptAlive(running)).toEqual([]);
    await clock.advanceInTicks(2_000);
    expect(keptAlive(running).map((ids) => ids.length)).toEqual([128, 128, 44]);
    expect(keptAlive(running).flat()).not.toContain(answered.id);
    await clock.advanceInTicks(600_000);
    expect(open.every((client) => client.closedBy === undefined)).toBe(true);
    expect(answered.closedBy).toBe('killed');
    for (const exchange of handler.exchanges.slice(0, 300)) exchange.respond(200, [], 'at last');
    expect((await open[0]?.response())?.text).toBe('at last');
  });

  it('keeps WebSockets and JSON sockets alive until they are closed', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const { mongrel2, clients } = await start(handler, { connection: { clock } });
    const socket = mongrel2.connect().socketMessage('@chat', '{"hello":1}');
    const upgraded = mongrel2.connect().upgrade();
    await settled();
    handler.clients[1]?.send('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    await clock.advanceInTicks(600_000);
    expect([socket.closedBy, upgraded.closedBy]).toEqual([undefined, undefined]);
    for (const client of handler.clients) client.close();
    expect(await Promise.all([socket.closed, upgraded.closed])).toEqual(['handler', 'handler']);
    expect(clients()).toEqual([]);
  });

  it('forgets a client whose credits never come', async () => {
    const clock = new ManualClock();
    const { mongrel2, clients } = await start(echoPath, { mongrel2: { flowControl: true }, connection: { clock } });
    const client = mongrel2.connect();
    client.slow();
    client.request();
    await settled();
    client.killSilently();
    await clock.advanceInTicks(300_000);
    expect(clients()).toEqual([]);
  });

  it('lets a connection go that nobody keeps alive, which is what it is for', async () => {
    const clock = new ManualClock();
    const handler = collecting();
    const { mongrel2 } = await start(handler, { connection: { clock, keepAliveMs: 0 } });
    const client = mongrel2.connect().request();
    await settled();
    await clock.advanceInTicks(140_000);
    expect(client.closedBy).toBe('killed');
    handler.exchanges[0]?.respond(200, []);
    await settled();
    expect(mongrel2).toBeInstanceOf(ScriptedMongrel2);
    expect(mongrel2.counters).toMatchObject({ killed: 1, late: 1 });
  });
});

describe('ServerLink: sockets of other kinds', () => {
  it('gives JSON and XML sockets their messages and takes their replies', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { mongrel2: { rawPayload: true } });
    const socket = mongrel2
      .connect()
      .socketMessage('@chat', '{"n":1}')
      .socketMessage('<msg', '<msg/>')
      .socketMessage('@chat', '{"type":"ping"}');
    await settled();
    expect(
      handler.messages.map((message) => [message.kind, message.path, latin1Slice(message.body, 0, message.body.length)]),
    ).toEqual([
      ['json-socket', '@chat', '{"n":1}'],
      ['xml-socket', '<msg', '<msg/>'],
    ]);
    expect(handler.clients[0]).toBe(handler.clients[1]);
    handler.clients[0]?.send('{"n":2}');
    await settled();
    expect(latin1Slice(socket.received, 0, socket.received.length)).toBe('{"n":2}');
    expect(server.stats().counters).toMatchObject({ socketMessages: 2, received: 0 });
    socket.disconnect();
    await settled();
    expect(handler.messages.at(-1)?.kind).toBe('disconnect');
    expect(handler.clients[0]?.send('x')).toBe(false);
  });

  it('gives WebSocket frames to the client that accepted the handshake', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler);
    const client = mongrel2.connect().upgrade({ path: '/ws' }).frame('early');
    await settled();
    handler.clients[0]?.send('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    handler.clients[0]?.send('\x81\x02ok');
    client.frame('bye', 0x88);
    expect((await client.response()).status).toBe(101);
    await settled();
    expect(client.frames.map(({ opcode, text }) => [opcode, text])).toEqual([[1, 'ok']]);
    expect(handler.messages.map((message) => message.kind)).toEqual(['websocket-handshake', 'websocket', 'websocket']);
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, frames: 2 });
  });
});
