import { type Backend, silentLogger } from '@m2/core';
import { defaultRequestLimits } from '@m2/gateway';
import { describe, expect, it } from 'vitest';
import { fakeIo } from '../test/harness/fake-io.js';
import { FakeServer } from '../test/harness/fake-server.js';
import { serveFlags } from './flags.js';
import { parseFlags } from './parse-flags.js';
import { loadOptionsOf, loggerOf, serveLoaded, serveOptionsOf } from './run-options.js';

const values = (...argv: string[]) => parseFlags(serveFlags, argv, {}).values;
const handler = { handle() {} };
const transport = {
  name: 't',
  capabilities: { protocols: ['tcp'], detectsDown: true, losslessShutdown: true },
  open: () => Promise.reject(new Error('not opened here')),
};

function recordingBackend(inProcess: boolean) {
  const calls: unknown[][] = [];
  const backend: Backend = {
    name: 'recording',
    capabilities: { inProcess, modules: false, reload: false },
    async serve(...args) {
      calls.push(args);
      return new FakeServer();
    },
  };
  return { backend, calls };
}

describe('serveLoaded', () => {
  it('hands the settings to the backend', async () => {
    const { backend, calls } = recordingBackend(true);
    const given = values('--max-inflight=7', '--max-queue-bytes=1KiB', '--graceful-timeout=2', '--request-timeout=0.5');
    const logger = loggerOf(given, fakeIo());
    await serveLoaded(handler, { sendSpec: 'tcp://h:2' }, { backend, transport }, serveOptionsOf(given, logger));
    const [source, connection, options] = calls[0] ?? [];
    expect(source).toEqual({ handler });
    expect(connection).toMatchObject({
      options: { servers: [{ sendSpec: { address: 'tcp://h:2' }, recvSpec: { address: 'tcp://h:1' } }] },
    });
    expect(options).toMatchObject({ maxInFlight: 7, maxQueueBytes: 1024, graceMs: 2000, requestTimeoutMs: 500, logger });
  });

  it('refuses a backend that only takes modules', async () => {
    const { backend, calls } = recordingBackend(false);
    await expect(
      serveLoaded(handler, { sendSpec: 'tcp://h:2' }, { backend, transport }, { logger: silentLogger }),
    ).rejects.toEqual(expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining('recording') }));
    expect(calls).toEqual([]);
  });
});

describe('loadOptionsOf', () => {
  it('hands the limits, proxies and middleware to the gateway', async () => {
    const given = values(
      '--uri-limit=4KiB',
      '--header-limit=8KiB',
      '--header-count=50',
      '--ws-max-payload=2MiB',
      '--trust-proxy=loopback,10.0.0.0/8',
      '--trust-proxy=192.0.2.1',
      '--middleware=buffer',
      '--middleware=gzip',
    );
    const io = fakeIo();
    const options = await loadOptionsOf(given, loggerOf(given, io), io);
    expect(options).toMatchObject({
      limits: { uriBytes: 4096, headerBytes: 8192, headerCount: 50 },
      maxPayload: 2 * 1024 * 1024,
      trustProxy: ['loopback', '10.0.0.0/8', '192.0.2.1'],
    });
    expect(options.middleware?.map(({ name }) => name)).toEqual(['buffer', 'gzip']);
  });

  it('has the documented defaults', async () => {
    const given = values();
    const io = fakeIo();
    expect(await loadOptionsOf(given, loggerOf(given, io), io)).toMatchObject({
      limits: defaultRequestLimits,
      maxPayload: 1024 * 1024,
      trustProxy: [],
      middleware: [],
    });
    expect(serveOptionsOf(given, loggerOf(given, io))).toMatchObject({ requestTimeoutMs: 60_000, maxInFlight: 1000 });
  });
});

describe('loggerOf', () => {
  const formats = (isTTY: boolean, ...argv: string[]) => {
    const io = fakeIo();
    return loggerOf(values(...argv), { ...io, stderr: { write: () => true, isTTY } }).format;
  };

  it('writes text on a terminal and JSON elsewhere, unless told', () => {
    expect(formats(true)).toBe('text');
    expect(formats(false)).toBe('json');
    expect(formats(false, '--log-format=text')).toBe('text');
    expect(formats(true, '--log-format=json')).toBe('json');
  });
});
