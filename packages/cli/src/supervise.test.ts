import { M2Error } from '@m2/core';
import { ManualClock } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { fakeIo } from '../test/harness/fake-io.js';
import { FakeServer } from '../test/harness/fake-server.js';
import { createLogger } from './cli-logger.js';
import { type SuperviseOptions, supervise } from './supervise.js';

function start(options: Partial<SuperviseOptions> = {}) {
  const clock = new ManualClock();
  const notices: string[] = [];
  const io = fakeIo({ clock, notifyParent: (message) => notices.push(message) });
  const server = new FakeServer();
  const logger = createLogger({ sink: io.stderr, format: 'text', level: 'info', color: false, clock, pid: 1 });
  const code = supervise({ server, io, logger, backend: 'fake', startedAt: 0, graceMs: 30_000, inferred: new Set(), ...options });
  return { clock, io, server, code, notices, log: io.stderr, count: (text: string) => io.stderr.text.split(text).length - 1 };
}

describe('supervise: starting', () => {
  it('says when the subscription was seen, and tells the parent', async () => {
    const { clock, io, server, code, notices, log } = start();
    clock.advance(12);
    server.up();
    await log.seen(/Ready: subscription seen from tcp:\/\/127\.0\.0\.1:9998 after 12 ms\./);
    expect(notices).toEqual(['ready']);
    io.events.emit('SIGTERM');
    server.finish(0);
    expect(await code).toBe(0);
  });

  it('warns after 5 seconds and then every 10, with what to check, until it comes', async () => {
    const { clock, io, server, code, log, count } = start({ inferred: new Set(['tcp://127.0.0.1:9998']) });
    clock.advance(4999);
    expect(count('No subscription')).toBe(0);
    clock.advance(1);
    expect(log.text).toContain(
      'No subscription seen from tcp://127.0.0.1:9998 after 5 s: is Mongrel2 running, and is recv_spec right? m2 inferred it as ' +
        "send_spec's port - 1 (send_spec is tcp://127.0.0.1:9999).",
    );
    clock.advance(20_000);
    expect(count('No subscription')).toBe(3);
    server.up();
    await log.seen(/Ready/);
    clock.advance(60_000);
    expect(count('No subscription')).toBe(3);
    server.down();
    clock.advance(10_000);
    expect(log.text).toContain('since Mongrel2 went away: is it running again?');
    io.events.emit('SIGINT');
    server.finish(0);
    expect(await code).toBe(0);
  });

  it('ends with 5 when the connect timeout is over', async () => {
    const { clock, server, code, log } = start({ connectTimeoutMs: 3000 });
    clock.advance(3000);
    expect(server.stops).toEqual([0]);
    server.finish(0);
    expect(await code).toBe(5);
    expect(log.text).toContain(
      'No subscription was seen within the connect timeout of 3 s (send_spec tcp://127.0.0.1:9999, recv_spec',
    );
    expect(log.text).toContain('[M2_CONNECT_TIMEOUT]');
  });

  it('does not end at the connect timeout once it was ready', async () => {
    const { clock, io, server, code, log } = start({ connectTimeoutMs: 3000 });
    server.up();
    await log.seen(/Ready/);
    clock.advance(10_000);
    expect(server.stops).toEqual([]);
    io.events.emit('SIGINT');
    server.finish(0);
    expect(await code).toBe(0);
  });

  it('ends with the code of an error that keeps it from serving', async () => {
    const { server, code, log } = start();
    server.fail(new M2Error('M2_SOCKET_FAILED', 'The socket failed.'));
    await log.seen(/The socket failed\. \[M2_SOCKET_FAILED\]/);
    server.finish(0);
    expect(await code).toBe(5);
  });

  it('ends with 1 when the backend ends by itself', async () => {
    const { server, code, log } = start();
    server.end();
    expect(await code).toBe(1);
    expect(log.text).toContain('The backend fake ended by itself.');
  });
});

describe('supervise: stopping', () => {
  it('drains at the first signal, says what it waits for, and exits with 0', async () => {
    const { clock, io, server, code, log } = start();
    server.inFlight = 2;
    io.events.emit('SIGTERM');
    expect(server.stops).toEqual([30_000]);
    expect(log.text).toContain('SIGTERM: stopping, waiting up to 30 s for 2 open requests; a second signal forces.');
    server.inFlight = 1;
    clock.advance(5000);
    expect(log.text).toContain('Still waiting for 1 open request, 25 s left; a second signal forces.');
    server.finish(0);
    expect(await code).toBe(0);
    expect(log.text).toContain('Stopped: everything was answered.');
  });

  it('exits with 1 when requests were unfinished', async () => {
    const { io, server, code, log } = start();
    io.events.emit('SIGINT');
    server.finish(3);
    expect(await code).toBe(1);
    expect(log.text).toContain('error Cut off after the graceful timeout of 30 s: 3 open requests.');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('is forced by a second signal: %s gives %i', async (signal, expected) => {
    const { clock, io, server, code, log } = start();
    server.inFlight = 1;
    io.events.emit('SIGINT');
    clock.advance(200);
    io.events.emit(signal);
    expect(server.stops).toEqual([30_000, 0]);
    expect(log.text).toContain(`${signal} again: closing now, 1 open request cut off.`);
    server.finish(1);
    expect(await code).toBe(expected);
  });

  it('waits a bounded time for a forced stop, and not at all after a third signal', async () => {
    const first = start();
    first.io.events.emit('SIGINT');
    first.io.events.emit('SIGTERM');
    first.clock.advance(2500);
    expect(await first.code).toBe(143);
    const second = start();
    for (let n = 0; n < 3; n++) {
      second.io.events.emit('SIGINT');
      second.clock.advance(200);
    }
    expect(await second.code).toBe(130);
  });

  it('takes a signal that npm passes on too for one', async () => {
    const { clock, io, server, code } = start();
    io.events.emit('SIGINT');
    clock.advance(199);
    io.events.emit('SIGINT');
    expect(server.stops).toEqual([30_000]);
    server.finish(0);
    expect(await code).toBe(0);
  });

  it('exits with 1 when closing hangs after the grace time', async () => {
    const { clock, io, code, log } = start();
    io.events.emit('SIGINT');
    clock.advance(35_000);
    expect(await code).toBe(1);
    expect(log.text).toContain('Closing took too long');
  });

  it('leaves no listener and no timer behind', async () => {
    const { clock, io, server, code } = start({ endWithParent: true, connectTimeoutMs: 1000 });
    expect(io.events.eventNames()).toHaveLength(6);
    io.events.emit('SIGINT');
    server.finish(0);
    await code;
    expect(io.events.eventNames()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('ends with its parent only when told to', async () => {
    const child = start({ endWithParent: true });
    child.io.events.emit('disconnect');
    child.server.finish(0);
    expect(await child.code).toBe(0);
    const alone = start();
    alone.io.events.emit('disconnect');
    expect(alone.server.stops).toEqual([]);
    alone.io.events.emit('SIGINT');
    alone.server.finish(0);
    expect(await alone.code).toBe(0);
  });
});

describe('supervise: SIGHUP and errors outside of requests', () => {
  it('refuses SIGHUP with a hint where the backend cannot reload, and lives on', async () => {
    const { io, server, code, log } = start();
    io.events.emit('SIGHUP');
    await log.seen(/SIGHUP: --io=fake cannot reload.*\(--io=threads\).*SIGTERM\./);
    expect(server.stops).toEqual([]);
    io.events.emit('SIGTERM');
    server.finish(0);
    expect(await code).toBe(0);
  });

  it('reloads where the backend can, and serves on when that fails', async () => {
    const { io, server, code, log } = start();
    let reloads = 0;
    server.reload = async () => {
      if (++reloads === 2) throw new Error('broken');
    };
    io.events.emit('SIGHUP');
    await log.seen(/Reloaded\./);
    io.events.emit('SIGHUP');
    await log.seen(/The reload failed; the former code serves on\.\n\s+Error: broken/);
    io.events.emit('SIGINT');
    server.finish(0);
    expect(await code).toBe(0);
  });

  it.each(['uncaughtException', 'unhandledRejection'])('logs %s, drains, and exits with 1', async (event) => {
    const { io, server, code, log } = start();
    io.events.emit(event, new Error('from a timer'));
    expect(server.stops).toEqual([30_000]);
    expect(log.text).toMatch(/stopping, the exit code will be 1\.\n\s+Error: from a timer\n\s+at /);
    server.finish(0);
    expect(await code).toBe(1);
  });

  it('logs a flood of them only in part', async () => {
    const { io, server, code, count } = start();
    for (let n = 0; n < 100; n++) io.events.emit('uncaughtException', new Error('again'));
    expect(count('outside of any request')).toBe(10);
    server.finish(0);
    expect(await code).toBe(1);
  });
});
