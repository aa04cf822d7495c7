import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Link, M2Error } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Collector,
  freeAddress,
  linkSpec,
  MemoryLogger,
  numbered,
  openLink,
  RawServer,
  Recorder,
  reply,
  replyText,
} from '../test/support.js';
import { zmtpTransport } from './index.js';

const transport = zmtpTransport();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(...args: Parameters<typeof openLink>): Promise<Link> {
  const link = await openLink(...args);
  closers.push(() => link.close());
  return link;
}

async function raw(options?: Parameters<typeof RawServer.listen>[0]): Promise<RawServer> {
  const server = await RawServer.listen(options);
  closers.push(() => server.close());
  return server;
}

const codeOf = (error: unknown): string => (M2Error.is(error) ? error.code : String(error));

describe('opening a link', () => {
  it.each([
    ['inproc://a', 'tcp://127.0.0.1:9998', /send_spec.*tcp:\/\/ and ipc:\/\//],
    ['tcp://127.0.0.1:9999', 'ws://127.0.0.1:9998', /recv_spec.*tcp:\/\/ and ipc:\/\//],
    ['tcp://127.0.0.1:9999#bind', 'tcp://127.0.0.1:9998', /#bind out of send_spec/],
  ])('refuses %s with %s', async (sendSpec, recvSpec, message) => {
    const failure = await transport.open(linkSpec(sendSpec, recvSpec), new Recorder()).catch((error: unknown) => error);
    expect(codeOf(failure)).toBe('M2_SPEC_INVALID');
    expect((failure as Error).message).toMatch(message);
  });

  it('rejects with the reason of its signal', async () => {
    const spec = linkSpec('tcp://127.0.0.1:9999', 'tcp://127.0.0.1:9998');
    const reason = new Error('changed my mind');
    await expect(transport.open(spec, new Recorder(), AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const opening = transport.open(spec, new Recorder(), controller.signal);
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });

  it('names what it is', () => {
    expect(transport.name).toBe('zmtp');
    expect(transport.capabilities).toEqual({ protocols: ['tcp', 'ipc'], detectsDown: true, losslessShutdown: true });
  });
});

describe('a server that is not there yet', () => {
  it('is waited for', async () => {
    const to = { sendSpec: await freeAddress(), recvSpec: await freeAddress() };
    const logger = new MemoryLogger();
    const recorder = new Recorder();
    const link = await open(transport, to, recorder, { logger });
    expect(link.send(reply(0, 'nowhere to go'))).toBe(false);
    expect(link.counters.stale).toBe(1);
    await link.drained();
    await logger.until('three attempts failed', () => logger.of('debug').length >= 3);
    const server = await raw(to);
    await recorder.isUp(1);
    await server.send('request');
    await recorder.has(1);
    expect(logger.of('warn')).toEqual([]);
  });

  it('keeps its requests until a handler comes', async () => {
    const server = await raw();
    void server.send(...numbered('early', 100));
    const recorder = new Recorder();
    await open(transport, server, recorder);
    await recorder.has(100);
    expect(recorder.received.map(({ text }) => text)).toEqual(numbered('early', 100));
  });
});

describe('a wrong peer', () => {
  it('is reported once, with what to do, when send_spec and recv_spec are swapped', async () => {
    const server = await raw();
    const logger = new MemoryLogger();
    const recorder = new Recorder();
    await open(transport, { sendSpec: server.recvSpec, recvSpec: server.sendSpec }, recorder, { logger });
    await logger.until('five attempts failed', () => logger.of('debug').length >= 5);
    const warnings = logger.of('warn');
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain('send_spec and recv_spec are swapped');
    expect(warnings[0]).toContain(server.sendSpec);
    expect(warnings[0]).toContain(server.recvSpec);
    expect(recorder.log).toEqual([]);
  });

  it('is reported when only send_spec is wrong', async () => {
    const server = await raw();
    const other = await raw();
    const logger = new MemoryLogger();
    const recorder = new Recorder();
    await open(transport, { sendSpec: other.recvSpec, recvSpec: server.recvSpec }, recorder, { logger });
    await logger.until('it is reported', () => logger.of('warn').length > 0);
    expect(logger.of('warn')[0]).toContain(`${other.recvSpec}, given as send_spec`);
    expect(recorder.log).toEqual(['up 1']);
  });
});

describe('an address that waiting does not cure', () => {
  it('is reported once, and tried on', async () => {
    const logger = new MemoryLogger();
    const to = { sendSpec: 'tcp://no-such-host.invalid:9999', recvSpec: 'tcp://no-such-host.invalid:9998' };
    await open(zmtpTransport({ reconnect: { firstMs: 1, longestMs: 5 } }), to, new Recorder(), { logger });
    await logger.until('three attempts failed', () => logger.of('debug').length >= 3);
    const { code } = await lookup('no-such-host.invalid').then(
      () => ({ code: 'none' }),
      (error: { code: string }) => error,
    );
    // Where there is no resolver at all the error is another one, which may pass.
    expect(logger.of('warn').length).toBe(code === 'ENOTFOUND' ? 1 : 0);
    for (const line of logger.of('warn')) expect(line).toContain('The host name cannot be resolved.');
  });
});

describe('shutdown()', () => {
  it('takes no more requests, while replies still go out', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(transport, server, recorder);
    await recorder.isUp(1);
    await server.send(...numbered('q', 100));
    await recorder.has(100);
    const shut = link.shutdown();
    expect(link.shutdown()).toBe(shut);
    await shut;
    void server.send(...numbered('later', 10));
    expect(link.send(reply(1, 'answer'))).toBe(true);
    await server.has(1);
    const second = new Recorder();
    await open(transport, server, second);
    await second.has(10);
    expect(second.received.map(({ text }) => text)).toEqual(numbered('later', 10));
    expect(recorder.received.length).toBe(100);
    expect(server.replies).toEqual([replyText('answer')]);
  });

  it('is followed by no new epoch', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(transport, server, recorder);
    await recorder.isUp(1);
    await link.shutdown();
    const next = await server.restart();
    closers.push(() => next.close());
    await recorder.isDown(1);
    expect(link.send(reply(1, 'x'))).toBe(false);
    await link.close();
    expect(recorder.log).toEqual(['up 1', 'down 1']);
  });

  it('ends the waiting for a server that is not there', async () => {
    const to = { sendSpec: await freeAddress(), recvSpec: await freeAddress() };
    const recorder = new Recorder();
    const link = await open(transport, to, recorder);
    await link.shutdown();
    await raw(to);
    await link.close();
    expect(recorder.log).toEqual([]);
  });
});

describe('close()', () => {
  it('is idempotent, flushes, and needs no server', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(transport, server, recorder);
    await recorder.isUp(1);
    for (const text of numbered('r', 200)) link.send(reply(1, text));
    const closed = link.close();
    expect(link.close()).toBe(closed);
    await closed;
    await link.shutdown();
    await link.drained();
    await server.has(200);
    expect(link.counters).toMatchObject({ sent: 200, lost: 0 });
    const alone = await open(transport, { sendSpec: await freeAddress(), recvSpec: await freeAddress() }, new Recorder());
    await alone.close();
  });

  it('may come while connecting, or from inside a callback', async () => {
    const server = await raw();
    const hasty = await open(transport, server, new Recorder());
    await hasty.close();
    const recorder = new Recorder();
    let link: Link | undefined;
    const closed = new Promise<void>((resolve) => {
      recorder.onUp = () => void link?.close().then(resolve);
    });
    link = await open(transport, server, recorder);
    await closed;
    expect(recorder.log).toEqual(['up 1']);
  });

  it('survives a receiver that throws', async () => {
    const server = await raw();
    const logger = new MemoryLogger();
    const recorder = new Recorder();
    recorder.onUp = () => {
      throw new Error('a bug of the receiver');
    };
    await open(transport, server, recorder, { logger });
    await server.send('request');
    await recorder.has(1);
    expect(logger.of('error')).toEqual(['The receiver of a link threw; this is a bug.']);
  });

  it('leaves nothing that keeps the process alive, and nothing unsent', async () => {
    const collector = new Collector();
    const peer = await transport.bind({ sendSpec: 'tcp://127.0.0.1:0', recvSpec: 'tcp://127.0.0.1:0', recvIdent: '' }, collector);
    closers.push(() => peer.close());
    const script = fileURLToPath(new URL('../test/fixtures/link-and-leave.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, peer.sendSpec, peer.recvSpec], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, output }).toEqual({ code: 0, output: 'closed\n' });
    await collector.has(100);
    expect(collector.texts).toEqual(numbered('m2-test 1:7, r', 100));
  });
});
