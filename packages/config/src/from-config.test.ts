import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { databaseFile, definitionOf, handler, newFolder } from '../test/support.js';
import { fromConfig } from './from-config.js';

const good = {
  'upload.stream': true,
  'download.flow_control': true,
  'limits.buffer_size': 16_384,
  'limits.client_read_retries': 50,
  'request.relaxed': true,
  'net.tcp_keepalive': true,
} as const;

describe('fromConfig', () => {
  it('gives what a Connection takes', async () => {
    const path = await databaseFile(definitionOf({ '/': { handler: handler('app', 9999) } }, { settings: good }));
    const connection = await fromConfig(path);
    expect(connection).toMatchObject({
      servers: [
        {
          sendSpec: 'tcp://127.0.0.1:9999',
          recvSpec: 'tcp://127.0.0.1:9998',
          sendIdent: 'app',
          recvIdent: 'app ',
          flowControl: 'on',
        },
      ],
      handlers: [
        {
          server: 'main',
          id: 1,
          port: 6767,
          protocol: 'tnetstring',
          rawPayload: false,
          routes: [{ host: 'localhost', path: '/' }],
        },
      ],
      notes: [],
    });
    expect(() => new Connection(connection)).not.toThrow();
  });

  it('turns addresses that Mongrel2 binds into ones to connect to', async () => {
    const folder = newFolder();
    const any = handler('any', 9999, { sendSpec: 'tcp://*:9999', recvSpec: 'tcp://0.0.0.0:9998' });
    const six = handler('six', 1, { sendSpec: 'tcp://[::]:9997', recvSpec: 'tcp://[::1]:9996' });
    const ipc = handler('ipc', 1, { sendSpec: 'ipc://run/send', recvSpec: 'ipc:///run/recv' });
    const routes = { '/any': { handler: any }, '/six': { handler: six }, '/ipc': { handler: ipc } };
    const path = await databaseFile(definitionOf(routes, {}, { chroot: './top/' }), '', folder);
    const { servers, notes } = await fromConfig(path, { all: true });
    expect(servers.map(({ sendSpec, recvSpec }) => [sendSpec, recvSpec])).toEqual([
      ['tcp://127.0.0.1:9999', 'tcp://127.0.0.1:9998'],
      ['tcp://[::1]:9997', 'tcp://[::1]:9996'],
      [`ipc://${folder}/top/run/send`, `ipc://${folder}/top/run/recv`],
    ]);
    expect(notes.filter(({ id }) => id === 'open-handler-port').map(({ where }) => where)).toEqual([
      'handler any',
      'handler any',
      'handler six',
    ]);
    const elsewhere = await fromConfig(path, { all: true }, { address: '10.0.0.5', root: '/mnt/m2' });
    expect(elsewhere.servers.map(({ sendSpec }) => sendSpec)).toEqual([
      'tcp://10.0.0.5:9999',
      'tcp://10.0.0.5:9997',
      'ipc:///mnt/m2/run/send',
    ]);
  });

  it('finds the upload folder below the chroot, and where Mongrel2 did not change its root', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'real'));
    const stored = join(folder, 'real/up.XXXXXX');
    const settings = { 'upload.temp_store': stored, 'upload.temp_store_mode': '0640' };
    const path = await databaseFile(definitionOf({ '/': { handler: handler('app', 9999) } }, { settings }, { chroot: folder }));
    const uploads = async (chrooted?: boolean) =>
      (await fromConfig(path, {}, chrooted === undefined ? {} : { chrooted })).handlers[0]?.uploads;
    expect(await uploads()).toEqual({ folder: join(folder, 'real'), pattern: stored, mode: 0o640 });
    expect(await uploads(true)).toMatchObject({ folder: join(folder, folder, 'real') });
    mkdirSync(join(folder, folder, 'real'), { recursive: true });
    expect(await uploads()).toMatchObject({ folder: join(folder, folder, 'real') });
    expect(await uploads(false)).toMatchObject({ folder: join(folder, 'real') });
  });

  it('warns of a buffer that is longer than the bodies in it may be', async () => {
    const idsWith = async (settings: object): Promise<string[]> => {
      const path = await databaseFile(
        definitionOf({ '/': { handler: handler('app', 9999) } }, { settings: { ...good, ...settings } }),
      );
      return (await fromConfig(path)).notes.map(({ id }) => id);
    };
    expect(await idsWith({ 'limits.buffer_size': 20_481 })).toContain('buffer-over-content');
    expect(await idsWith({ 'limits.buffer_size': 20_480 })).not.toContain('buffer-over-content');
    expect(await idsWith({ 'limits.buffer_size': 65_536, 'limits.content_length': 65_536 })).not.toContain('buffer-over-content');
  });

  it('keeps to limits that are not the usual ones', async () => {
    const settings = {
      'limits.handler_targets': 16,
      'limits.min_ping': 30,
      'limits.header_count': 2000,
      'limits.buffer_size': 1_000_000,
      'limits.content_length': 200_000_000,
    };
    const path = await databaseFile(definitionOf({ '/': { handler: handler('app', 9999) } }, { settings }));
    const { maxTargets, keepAliveMs, limits, notes } = await fromConfig(path);
    expect({ maxTargets, keepAliveMs, limits }).toEqual({
      maxTargets: 16,
      keepAliveMs: 10_000,
      limits: { headerBytes: 2_000_000, headerCount: 2020, messageBytes: 202_000_000 },
    });
    expect(notes.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['short-min-ping', 'few-targets', 'no-large-bodies', 'no-flow-control']),
    );
  });

  it('reads settings as Mongrel2 does', async () => {
    const rows = `INSERT INTO setting (key, value) VALUES ('download.flow_control', '1x'), ('limits.min_ping', 'never'), ('upload.stream', '1')`;
    const path = await databaseFile(definitionOf({ '/': { handler: handler('app', 9999) } }), rows);
    const { handlers, servers } = await fromConfig(path);
    expect(handlers).toMatchObject([{ flowControl: true, uploadStream: true, minPing: 0, contentLength: 20_480 }]);
    expect(servers[0]?.flowControl).toBe('on');
  });

  it('leaves out notes about what was not chosen', async () => {
    const routes = { '/a': { handler: handler('a', 9999) }, '/b': { handler: handler('b', 9997, { protocol: 'json' }) } };
    const path = await databaseFile(
      definitionOf(routes, { settings: good }),
      "UPDATE handler SET send_ident = 'b_' WHERE id = 2",
    );
    expect((await fromConfig(path, { handler: 'a' })).notes).toEqual([]);
    expect((await fromConfig(path, { handler: 'b_' })).notes.map(({ id }) => id).sort()).toEqual([
      'bad-send-ident',
      'json-protocol',
      'loose-recv-ident',
      'recv-ident-no-prefix',
    ]);
  });

  it('warns of a control socket that everybody may use', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'run'));
    writeFileSync(join(folder, 'run/control'), '', { mode: 0o600 });
    const path = await databaseFile(
      definitionOf({ '/': { handler: handler('app', 9999) } }, { settings: good }, { chroot: folder }),
      '',
      folder,
    );
    expect((await fromConfig(path)).notes).toEqual([]);
    const { chmodSync } = await import('node:fs');
    chmodSync(join(folder, 'run/control'), 0o666);
    expect((await fromConfig(path)).notes.map(({ id }) => id)).toEqual(['open-control-socket']);
  });
});
