import { describe, expect, it } from 'vitest';
import { databaseFile, definitionOf, handler } from '../test/support.js';
import { checkDefinition } from './build-config.js';
import { checkConfig } from './check-config.js';
import type { ConfigDefinition } from './definition.js';
import type { ConfigModel } from './model.js';
import { readConfig } from './read-config.js';
import { resolveDefinition } from './resolve-definition.js';

const app = { handler: handler('app', 9999) };

const modelOf = (routes: Record<string, unknown>, more: Partial<ConfigDefinition> = {}, server = {}): ConfigModel =>
  resolveDefinition(definitionOf(routes, more, server)).model;

const found = (model: ConfigModel) => checkConfig(model).map(({ level, id }) => `${level} ${id}`);

const second = (port: number, more: object = {}): Partial<ConfigDefinition> => {
  const [first] = definitionOf({ '/': app }).servers;
  const host = { name: 'h', routes: { '/': { handler: handler('other', 9989) } } };
  return { servers: [...(first === undefined ? [] : [first]), { uuid: 'second', port, hosts: [host], ...more }] };
};

describe('checkConfig', () => {
  it('has nothing to say about a configuration that is well', () => {
    expect(
      checkConfig(
        modelOf({ '/': app, '/files/': { dir: { base: 'files/' } }, '/p/': { proxy: { addr: 'localhost', port: 80 } } }),
      ),
    ).toEqual([]);
  });

  it.each<[string, ConfigModel]>([
    ['error no-servers', modelOf({}, { servers: [] })],
    ['error bad-uuid', modelOf({ '/': app }, {}, { uuid: 'a b' })],
    ['error same-uuid', modelOf({}, second(7000, { uuid: 'main' }))],
    ['error bad-port', modelOf({ '/': app }, {}, { port: 70_000 })],
    ['warning same-port', modelOf({}, second(6767))],
    ['error no-certdir', modelOf({ '/': app }, {}, { useSsl: true })],
    ['error empty-path', modelOf({ '/': app }, {}, { errorLog: '' })],
    ['error bad-control-port', modelOf({ '/': app }, {}, { controlPort: 'run/control' })],
    ['error control-port-clash', modelOf({ '/': app }, {}, { controlPort: 'tcp://127.0.0.1:6767' })],
    ['error some-log-levels', modelOf({}, second(7000, { errorLogLevel: 1 }))],
    ['error no-default-host', modelOf({ '/': app }, {}, { defaultHost: 'other' })],
    ['error dir-without-slash', modelOf({ '/': { dir: { base: 'files' } } })],
    ['warning dir-from-root', modelOf({ '/': { dir: { base: '/files/' } } })],
    ['error bad-cache-ttl', modelOf({ '/': { dir: { base: 'files/', cacheTtl: -1 } } })],
    ['error no-proxy-address', modelOf({ '/': { proxy: { addr: '', port: 80 } } })],
    ['error bad-port', modelOf({ '/': { proxy: { addr: 'localhost', port: 0 } } })],
    ['error no-plugin-name', modelOf({ '/': app }, {}, { filters: [{ name: '' }] })],
    ['error bad-extension', modelOf({ '/': app }, { mimetypes: { html: 'text/html' } })],
    ['error bad-extension', modelOf({ '/': app }, { mimetypes: { [`.${'x'.repeat(200)}`]: 'text/html' } })],
    ['error bad-mimetype', modelOf({ '/': app }, { mimetypes: { '.x': '' } })],
    ['warning no-html-type', modelOf({ '/': { dir: { base: 'files/' } } }, { standardMimetypes: false })],
  ])('%s', (wanted, model) => {
    expect(found(model)).toEqual([wanted]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['error bad-pattern', { '/a([0-9]+': app }],
    ['error bad-pattern', { '/a([0-9)': app }],
    ['error unreachable-route', { 'api/': app }],
    ['error unreachable-route', { '([a-z]+)': app }],
    ['error long-route', { [`/${'x'.repeat(256)}`]: app }],
    ['warning plain-pattern', { '/users/[0-9]+': app }],
    ['warning inner-dollar', { '/users/([0-9]+$)': app }],
    ['warning hidden-route', { '/a/': app, '/a/(x)': app }],
    ['warning pattern-hides-prefix', { '/': app, '/a/(x)': app }],
    ['error no-send-ident', { '/': { handler: handler('', 9999, { recvIdent: ' ' }) } }],
    ['error bad-send-ident', { '/': { handler: handler('my_app', 9999) } }],
    ['error long-send-ident', { '/': { handler: handler('x'.repeat(256), 9999) } }],
    ['warning empty-recv-ident', { '/': { handler: handler('app', 9999, { recvIdent: '' }) } }],
    ['error recv-ident-no-prefix', { '/': { handler: handler('app', 9999, { recvIdent: 'api ' }) } }],
    [
      'error bad-spec',
      { '/': { handler: handler('app', 9999, { sendSpec: 'udp://127.0.0.1:1', recvSpec: 'tcp://127.0.0.1:2' }) } },
    ],
    ['error bad-spec', { '/': { handler: handler('app', 9999, { recvSpec: 'tcp://127.0.0.1:*' }) } }],
    ['error bad-spec', { '/': { handler: handler('app', 9999, { recvSpec: 'tcp://me@127.0.0.1:2' }) } }],
    ['error bad-spec', { '/': { handler: handler('app', 9999, { recvSpec: 'tcp://127.0.0.1:2#bind' }) } }],
    ['error same-specs', { '/': { handler: handler('app', 9999, { recvSpec: 'tcp://*:9999' }) } }],
    ['warning swapped-specs', { '/': { handler: handler('app', 9998, { recvSpec: 'tcp://127.0.0.1:9999' }) } }],
    ['warning unknown-protocol', { '/': { handler: handler('app', 9999, { protocol: 'xml' }) } }],
    ['error spec-clash', { '/': app, '/b': { handler: handler('b', 9999, { recvSpec: 'ipc://b' }) } }],
    ['error crossed-specs', { '/': app, '/b': { handler: handler('b', 9990, { recvSpec: 'tcp://127.0.0.1:9999' }) } }],
    ['error spec-clash', { '/': { handler: handler('app', 6767) } }],
    ['warning merged-handlers', { '/': app, '/b': { handler: handler('b', 9999) } }],
    [
      'warning recv-ident-of-another',
      { '/': { handler: handler('app', 9999, { recvIdent: 'app' }) }, '/b': { handler: handler('app2', 9989) } },
    ],
  ])('%s of %o', (wanted, routes) => {
    expect(found(modelOf(routes))).toEqual([wanted]);
  });

  it.each<[string, string, string | number]>([
    ['warning unknown-setting', 'upload.streams', 1],
    ['error bad-setting', 'limits.buffer_size', '16 KiB'],
    ['error bad-setting', 'limits.buffer_size', 0],
    ['error bad-setting', 'upload.stream', 2],
    ['error bad-temp-store', 'upload.temp_store', '/uploads/up'],
    ['error bad-temp-store-mode', 'upload.temp_store_mode', '660'],
  ])('%s of %s = %s', (wanted, key, value) => {
    const [note, ...others] = checkConfig(modelOf({ '/': app }, { otherSettings: { [key]: value } }));
    expect(others).toEqual([]);
    expect(`${note?.level} ${note?.id}`).toBe(wanted);
    if (key === 'upload.streams') expect(note?.text).toContain('Did you mean upload.stream?');
  });

  it('finds hosts that hide each other, and patterns that Mongrel2 cannot use', () => {
    const host = (name: string, matching: string) => ({ name, matching, routes: { '/': app } });
    const hosts = [
      host('a', '(x).example.com'),
      host('b', '(y).example.com'),
      host('c', 'end('),
      host('d', 'x(y)'),
      host('e', 'e:80'),
      host('f', 'f'.repeat(256)),
      host('g', ''),
    ];
    const model = modelOf({}, { servers: [{ uuid: 'main', port: 1, hosts }] });
    expect(found(model)).toEqual([
      'warning same-host',
      'error bad-pattern',
      'error bad-pattern',
      'warning host-with-port',
      'error long-host',
      'error empty-host',
    ]);
  });

  it('finds rows that belong to nothing', async () => {
    const sql = `UPDATE route SET target_id = 7 WHERE id = 1; INSERT INTO host (server_id, name, matching) VALUES (9, 'lost', 'lost');
      INSERT INTO route (host_id, path, target_id, target_type) VALUES (9, '/lost', 1, 'handler'); INSERT INTO setting (key, value) VALUES ('a', '1'), ('a', '2');
      INSERT INTO filter (server_id, name, settings) VALUES (1, 'f.so', 'none'); INSERT INTO mimetype (extension, mimetype) VALUES ('.html', 'text/html')`;
    const model = await readConfig(await databaseFile(definitionOf({ '/': app, '/b': { handler: handler('b', 9989) } }), sql));
    expect(found(model)).toEqual(
      expect.arrayContaining([
        'error lost-target',
        'warning lost-host',
        'warning lost-route',
        'warning same-setting',
        'error bad-plugin-settings',
        'error same-extension',
      ]),
    );
  });

  it('finds what two servers share', () => {
    const routes = { '/': app };
    const model = modelOf(
      {},
      {
        servers: [
          { uuid: 'a', port: 1, hosts: [{ name: 'h', routes }] },
          { uuid: 'b', port: 2, hosts: [{ name: 'h', routes }] },
        ],
      },
    );
    expect(found(model)).toEqual(['warning shared-send-spec']);
    const unused = checkDefinition(definitionOf({ '/': app }, { handlers: { spare: handler('spare', 9989) } }));
    expect(unused.notes.map(({ id, where }) => [id, where])).toEqual([['unused-handler', 'handler spare']]);
  });
});
