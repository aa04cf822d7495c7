import { request as httpRequest } from 'node:http';
import { ControlClient, controlAddress } from '@m2/config';
import type { Server } from '@m2/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { hasMongrel2 } from '../harness/mongrel2.js';
import { RawClient } from '../harness/raw-client.js';
import { ask, serveAll } from './support/asked-mongrel2.js';
import { type ConfiguredMongrel2, startConfigured } from './support/configured.js';

const start = (over: 'ipc' | 'tcp'): Promise<ConfiguredMongrel2> =>
  startConfigured(({ port, otherPort, chroot }) => ({
    servers: [
      {
        uuid: 'main',
        name: 'the first',
        port,
        bindAddr: '127.0.0.1',
        // In full, as where Mongrel2 is started elsewhere than in the database's folder.
        chroot,
        controlPort: over === 'ipc' ? 'ipc://run/own-control' : `tcp://127.0.0.1:${otherPort}`,
        hosts: [
          {
            name: 'localhost',
            routes: { '/': { handler: { sendSpec: 'ipc://run/send', recvSpec: 'ipc://run/recv', sendIdent: 'app' } } },
          },
        ],
      },
    ],
    settings: {
      'server.daemonize': false,
      'superpoll.max_fd': 1024,
      'limits.min_ping': 0,
      'limits.min_read_rate': 0,
      'limits.min_write_rate': 0,
    },
  }));

describe.skipIf(!hasMongrel2).each(['ipc', 'tcp'] as const)('the control port over %s', (over) => {
  let mongrel2: ConfiguredMongrel2;
  let server: Server | undefined;
  let control: ControlClient;
  beforeAll(async () => {
    mongrel2 = await start(over);
    ({ server } = await serveAll(mongrel2.database));
    control = new ControlClient(await controlAddress(mongrel2.database));
  });
  afterAll(async () => {
    await control?.close();
    await server?.stop();
    await mongrel2?.stop();
  });

  it('is found from the configuration, its path below the chroot', async () => {
    const wanted = over === 'ipc' ? `ipc://${mongrel2.chroot}/run/own-control` : `tcp://127.0.0.1:${mongrel2.otherPort}`;
    expect(control.address).toBe(wanted);
    expect(await controlAddress(mongrel2.database, { server: 'the first' })).toBe(wanted);
    await expect(controlAddress(mongrel2.database, { server: 'second' })).rejects.toMatchObject({
      code: 'M2_CONFIG_SELECTION',
      message: expect.stringContaining('server the first (main)'),
    });
  });

  it('says what runs there', async () => {
    expect(await control.uuid()).toBe('main');
    expect(await control.info()).toMatchObject({
      port: mongrel2.port,
      bindAddr: '127.0.0.1',
      uuid: 'main',
      defaultHost: 'localhost',
      errorLog: '/logs/error.log',
    });
    expect(Math.abs((await control.time()) - Date.now() / 1000)).toBeLessThan(60);
    expect((await control.help()).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['status', 'kill', 'reload', 'stop', 'terminate', 'help', 'uuid', 'info', 'time']),
    );
  });

  it('lists tasks and connections, and cuts one', async () => {
    const client = await RawClient.connect(mongrel2.port);
    const request = 'GET /seen HTTP/1.1\r\nHost: localhost\r\n\r\n';
    client.write(request);
    await client.response();
    const seen = (await control.connections()).find(({ id }) => id >= 0);
    expect(seen).toMatchObject({ type: 'http', lastRead: expect.any(Number), lastPing: expect.any(Number) });
    expect(seen?.bytesRead).toBe(request.length);
    expect(seen?.bytesWritten).toBeGreaterThan(100);
    const tasks = await control.tasks();
    expect(tasks.map(({ name }) => name)).toEqual(expect.arrayContaining(['SERVER', 'control']));
    expect(tasks.every(({ id, system }) => Number.isInteger(id) && typeof system === 'boolean')).toBe(true);
    await control.kill(seen?.id ?? -1);
    await within(client.closed(), 'the connection is cut');
    expect((await control.connections()).some(({ id }) => id === seen?.id)).toBe(false);
  });

  it("refuses with Mongrel2's own words and code", async () => {
    await expect(control.kill(65_535)).rejects.toMatchObject({
      code: 'M2_CONTROL_REFUSED',
      details: { code: 'INVALID_ARGUMENT', command: 'kill' },
    });
    await expect(control.request('dance')).rejects.toMatchObject({
      code: 'M2_CONTROL_REFUSED',
      details: { code: 'CALLBACK_NOT_FOUND' },
    });
    await expect(control.request('status', { what: 'weather' })).rejects.toMatchObject({
      code: 'M2_CONTROL_REFUSED',
      details: { code: null },
    });
  });

  it('makes Mongrel2 open its logs anew', async () => {
    await control.reload();
    // The answer comes before that is done, and nothing but the log tells when it is: each question gives it a turn.
    const rotated = async () => {
      while (!mongrel2.log().includes('Rotating logs')) await control.uuid();
    };
    await within(rotated(), () => `the logs are rotated. The log:\n${mongrel2.log()}`);
    expect(await ask(mongrel2.port, '/after')).toEqual({ handler: 'app', pattern: '/' });
  });
});

describe.skipIf(!hasMongrel2)('a control port that ends Mongrel2', () => {
  let mongrel2: ConfiguredMongrel2 | undefined;
  let control: ControlClient | undefined;
  afterEach(async () => {
    await control?.close();
    await mongrel2?.stop();
  });

  it.each(['stop', 'terminate'] as const)('does so with %s, and answers nothing after', async (how) => {
    mongrel2 = await start('tcp');
    control = new ControlClient(`tcp://127.0.0.1:${mongrel2.otherPort}`, { timeoutMs: 10_000 });
    await control[how]();
    // A connection that has no request must not keep it.
    void httpRequest({ port: mongrel2.port, host: '127.0.0.1' })
      .once('error', () => {})
      .end();
    await mongrel2.ended();
    await expect(control.uuid({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'M2_TIMED_OUT' });
  });
});
