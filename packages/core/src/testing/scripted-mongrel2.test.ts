import { describe, expect, it, onTestFinished } from 'vitest';
import { latin1Slice } from '#platform';
import { M2Error } from '../errors.js';
import { silentLogger } from '../logger.js';
import { memoryTransport } from '../memory-transport.js';
import { SocketSpec } from '../socket-spec.js';
import type { Link } from '../transport.js';
import { decodeMessage } from '../wire/inbound.js';
import type { M2Request } from '../wire/message.js';
import { encodeClose, encodeControl, encodeReply } from '../wire/outbound.js';
import { ManualClock, type ScriptedClient, ScriptedMongrel2, type ScriptedOptions, turns } from './index.js';

const text = (bytes: Uint8Array) => latin1Slice(bytes, 0, bytes.length);
const received = (client: ScriptedClient) => text(client.received);

/** A scripted Mongrel2 and a bare link to it: what arrives is decoded, replies are whatever the test sends. */
async function bare(options: Partial<ScriptedOptions> = {}) {
  const medium = memoryTransport();
  const clock = new ManualClock();
  const server = await ScriptedMongrel2.start({ peer: medium, clock, ...options });
  const messages: M2Request[] = [];
  const epochs = { now: 0 };
  const spec = {
    sendSpec: SocketSpec.parse(server.sendSpec),
    recvSpec: SocketSpec.parse(server.recvSpec),
    sendQueueBytes: 1 << 26,
  };
  const link: Link = await medium.open(
    { ...spec, lingerMs: 0, logger: silentLogger },
    {
      messages: (batch) => {
        for (const bytes of batch) {
          const message = decodeMessage(bytes);
          if (message instanceof M2Error) throw message;
          messages.push(message);
        }
      },
      up: (epoch) => {
        epochs.now = epoch;
      },
      down: () => {},
    },
  );
  onTestFinished(() => server.kill());
  await turns(1);
  const send = (ids: number | number[], data: string | Uint8Array) =>
    link.send(encodeReply(epochs.now, 'scripted', ids, '', data));
  const raw = (bytes: string) => link.send({ epoch: epochs.now, head: bytes, data: '' });
  const kinds = () => messages.map((message) => `${message.kind} ${message.id}`);
  return { server, clock, link, messages, kinds, send, raw, epochs, settled: () => turns(4) };
}

describe('ScriptedMongrel2: messages', () => {
  it('writes requests as Mongrel2 does, in both protocols', async () => {
    for (const protocol of ['json', 'tnetstring'] as const) {
      const { server, messages, settled } = await bare({ protocol, pattern: '/json/' });
      const headers = [
        ['Cookie', 'a=1'],
        ['cookie', 'b=2'],
        ['X-Forwarded-For', '6.6.6.6'],
      ] as const;
      server.connect().request({ path: '/json/x?q=1', headers, body: 'hi' });
      await settled();
      const [message] = messages;
      if (message?.kind !== 'http') throw new Error('a request was expected');
      expect(message).toMatchObject({
        method: 'POST',
        uri: '/json/x?q=1',
        path: '/json/x',
        query: 'q=1',
        pattern: '/json/',
        id: 1,
      });
      expect([...message.headers.keys()].toSorted()).toEqual(['content-length', 'cookie', 'host', 'x-forwarded-for']);
      expect([message.header('cookie'), message.header('x-forwarded-for')]).toEqual([['a=1', 'b=2'], '127.0.0.1']);
      expect(text(message.body)).toBe('hi');
      expect(message.downloadCredits).toBeUndefined();
    }
  });

  it('keeps five values of a header name', async () => {
    const { server, messages, settled } = await bare();
    server.connect().request({ headers: Array.from({ length: 7 }, (_, n) => ['x-a', `${n}`] as const) });
    await settled();
    expect(messages[0]?.header('x-a')).toEqual(['0', '1', '2', '3', '4']);
  });

  it('gives ids 1, 2, 3, and starts again after a restart', async () => {
    const { server } = await bare();
    expect([server.connect().id, server.connect().id]).toEqual([1, 2]);
    await server.restart();
    expect(server.connect().id).toBe(1);
  });

  it('drops an upgrade on a connection that was used, and reads frames after one', async () => {
    const { server, kinds, settled } = await bare();
    const used = server.connect().request();
    used.upgrade();
    expect(await used.closed).toBe('server');
    const upgraded = server.connect().upgrade().frame('x');
    upgraded.request();
    expect(await upgraded.closed).toBe('server');
    await settled();
    expect(kinds()).toEqual(['http 1', 'websocket-handshake 2', 'websocket 2', 'disconnect 2']);
  });

  it('refuses large bodies with 413 where uploads are not set up', async () => {
    const { server, messages } = await bare({ uploadStream: false });
    const client = server.connect().request({ body: new Uint8Array(30_000) });
    expect((await client.response()).status).toBe(413);
    expect([await client.closed, messages.length]).toEqual(['server', 0]);
  });
});

describe('ScriptedMongrel2: replies', () => {
  it('delivers to each named id, whatever the UUID, and base64 to sockets', async () => {
    const { server, send, raw, settled } = await bare({ recvIdent: '' });
    const [one, two] = [server.connect().request(), server.connect().socketMessage('@a', '{}')];
    send([1, 2], 'x');
    raw('another 1:1, y');
    await settled();
    expect([received(one), received(two)]).toEqual(['xy', btoa('x')]);
    expect(server.counters.foreign).toBe(1);
  });

  it('closes after what is queued, and says nothing of it', async () => {
    const { server, link, send, kinds, settled } = await bare();
    const client = server.connect().request();
    send(1, 'all ');
    send(1, 'of it');
    link.send(encodeClose(1, 'scripted', 1));
    expect(await client.closed).toBe('handler');
    await settled();
    expect([received(client), kinds()]).toEqual(['all of it', ['http 1']]);
  });

  it('cancels at once, dropping what is queued', async () => {
    const { server, link, send, kinds, settled } = await bare();
    const client = server.connect().request();
    send(1, 'never seen');
    link.send(encodeControl(1, 'scripted', [1, 99], { cancel: true }));
    expect(await client.closed).toBe('cancel');
    await settled();
    expect([received(client), kinds()]).toEqual(['', ['http 1']]);
  });

  it('bounces one disconnect notice per gone id per message, but none for cancel', async () => {
    const { server, link, send, kinds, settled } = await bare();
    send([7, 8, 7], 'x');
    link.send(encodeClose(1, 'scripted', 7));
    link.send(encodeControl(1, 'scripted', 8, { keepAlive: true }));
    await settled();
    expect(kinds()).toEqual(['disconnect 7', 'disconnect 8', 'disconnect 7', 'disconnect 7', 'disconnect 8']);
    expect(server.counters).toMatchObject({ late: 5, notices: 5 });
  });
});

describe('ScriptedMongrel2: bad replies', () => {
  it.each([
    '',
    'scr_ipted 1:1, x',
    'scripted 2:1, x',
    'scripted 1:1,x',
    'scripted 0:, x',
    `scripted 257:${'1 '.repeat(128)}1, x`,
  ])('stalls all others for a while after %j', async (bad) => {
    const { server, clock, send, raw, settled } = await bare({ recvIdent: '' });
    const client = server.connect().request();
    raw(bad);
    send(1, 'late');
    await settled();
    expect([received(client), server.counters.badReplies]).toEqual(['', 1]);
    await clock.advanceInTicks(499);
    expect(received(client)).toBe('');
    await clock.advanceInTicks(1);
    expect(received(client)).toBe('late');
  });

  it.each(['1:a!', '3:1.5^', '1:aQ', '29:3:ctl,19:7:credits,6:500.25^}]'])('dies of the extended reply %s', async (body) => {
    const { server, raw, settled } = await bare();
    const client = server.connect().request();
    raw(`scripted 3:X 1, ${body}`);
    await settled();
    expect([server.crashed, server.running, client.closedBy]).toEqual([true, false, 'server']);
    expect(() => server.connect()).toThrow('down');
    await server.restart();
    expect([server.crashed, server.running]).toEqual([false, true]);
  });

  it('swallows the next plain reply after a broken target list with X', async () => {
    const { server, clock, send, raw, settled } = await bare();
    const client = server.connect().request();
    raw('scripted 4:X 1a, x');
    await settled();
    await clock.advanceInTicks(500);
    send(1, 'swallowed');
    send(1, 'seen');
    await settled();
    expect([received(client), server.counters.swallowed]).toEqual(['seen', 1]);
  });

  it('closes, with a notice, for a key that has no plug-in', async () => {
    const { server, raw, kinds, settled } = await bare();
    const client = server.connect().request();
    raw('scripted 3:X 1, 18:8:sendfile,4:/x/y,]');
    expect(await client.closed).toBe('server');
    await settled();
    expect(kinds()).toEqual(['http 1', 'disconnect 1']);
  });
});

describe('ScriptedMongrel2: output limits', () => {
  it.each([
    [16, 16],
    [17, 0],
  ])('without flow control: of %i messages in one burst %i arrive', async (sent, arrive) => {
    const { server, send, kinds, settled } = await bare();
    const client = server.connect().request();
    for (let n = 0; n < sent; n++) send(1, 'x');
    await settled();
    expect([client.received.length, client.closedBy]).toEqual([arrive, arrive === 0 ? 'killed' : undefined]);
    expect(kinds()).toEqual(['http 1']);
    expect(server.counters.killed).toBe(arrive === 0 ? 1 : 0);
  });

  it('without flow control: a close that finds 16 queued is lost without a trace', async () => {
    const { server, link, send, settled } = await bare();
    const client = server.connect().request();
    for (let n = 0; n < 16; n++) send(1, 'x');
    link.send(encodeClose(1, 'scripted', 1));
    await settled();
    expect([client.received.length, client.closedBy, server.counters.lostCloses]).toEqual([16, undefined, 1]);
  });

  it('without flow control: kills a client that does not read, once the kernel and the queue are full', async () => {
    const { server, send, settled } = await bare({ socketBytes: 3000 });
    const client = server.connect();
    client.slow();
    client.request();
    let sent = 0;
    for (; client.closedBy === undefined && sent < 50; sent++) {
      send(1, 'x'.repeat(1000));
      await settled();
    }
    // 3 in the kernel, 1 being written, 16 queued: the next one is too many.
    expect([sent, client.closedBy]).toEqual([21, 'killed']);
  });

  it('with flow control: announces the window once, acknowledges each message, and takes bursts', async () => {
    const { server, send, messages, settled } = await bare({ flowControl: true });
    const client = server.connect().request().request();
    for (let n = 0; n < 40; n++) send(1, 'x'.repeat(1000));
    await settled();
    expect(client.received).toHaveLength(40_000);
    const credits = messages.flatMap((message) => (message.kind === 'credits' ? [message.credits] : []));
    expect(credits).toEqual(Array.from({ length: 40 }, () => 1000));
    expect(messages.flatMap((message) => (message.kind === 'http' ? [message.downloadCredits] : []))).toEqual([
      102_400,
      undefined,
    ]);
  });

  it.each([[[102_400]], [[51_200, 51_200]]])('with flow control: takes %j bytes', async (sizes) => {
    const { server, send, settled } = await bare({ flowControl: true });
    const client = server.connect().request();
    for (const size of sizes) send(1, new Uint8Array(size));
    await settled();
    expect(client.received).toHaveLength(102_400);
  });

  it.each([[[102_401]], [[51_200, 51_201]]])('with flow control: dies silently of %j bytes', async (sizes) => {
    const { server, send, kinds, settled } = await bare({ flowControl: true });
    const client = server.connect().request();
    for (const size of sizes) send(1, new Uint8Array(size));
    await settled();
    expect([client.closedBy, client.received.length]).toEqual(['killed', 0]);
    expect(kinds().filter((kind) => kind !== 'http 1')).toEqual([]);
  });
});
