import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { definitionOf, handler, newFolder } from '../test/support.js';
import { checkDefinition, writeConfig } from './build-config.js';
import { type ConfigDefinition, defineConfig } from './definition.js';
import { readConfig } from './read-config.js';

const app = { handler: handler('app', 9999) };
const clock = { now: () => 0, wall: () => Date.UTC(2026, 0, 2, 3, 4, 5), setTimeout: () => 0, clearTimeout: () => {} } as never;

function problemsOf(definition: unknown): string[] {
  try {
    checkDefinition(definition as ConfigDefinition);
  } catch (error) {
    if (M2Error.is(error) && error.code === 'M2_CONFIG_INVALID') return error.details.problems as string[];
    throw error;
  }
  return [];
}

describe('checkDefinition', () => {
  it('makes rows of names, pieces and defaults', () => {
    const { model, notes } = checkDefinition(
      defineConfig({
        handlers: { app: { sendSpec: 'tcp://127.0.0.1:9999', sendIdent: 'app' } },
        dirs: { files: { base: 'static/' } },
        proxies: { old: { addr: '127.0.0.1', port: 8000 } },
        routes: { common: { '/': { handler: 'app' }, '/static/': { dir: 'files' } } },
        hosts: { site: { name: 'example.com', matching: '(www)?.example.com', routes: 'common' } },
        filters: { nothing: { name: '/null.so', settings: { list: [1, 'ä'] } } },
        servers: [
          {
            uuid: 'main',
            port: 6767,
            hosts: ['site', { name: 'localhost', routes: { '/old/': { proxy: 'old' }, '/': { handler: 'app' } } }],
            filters: ['nothing'],
          },
        ],
        settings: { 'upload.stream': true, 'limits.buffer_size': 65_536 },
        otherSettings: { word: 'x' },
        standardMimetypes: false,
        mimetypes: { '.html': 'text/html' },
      }),
    );
    expect(notes).toEqual([]);
    expect(model).toMatchObject({
      servers: [
        {
          name: 'main',
          chroot: './',
          bindAddr: '0.0.0.0',
          defaultHost: 'example.com',
          errorLog: '/logs/error.log',
          pidFile: '/run/mongrel2.pid',
        },
      ],
      hosts: [{ matching: '(www)?.example.com' }, { matching: 'localhost' }],
      routes: [
        { targetId: 1, hostId: 1 },
        { targetType: 'dir', targetId: 1 },
        { targetType: 'proxy', hostId: 2 },
        { targetId: 1, hostId: 2 },
      ],
      handlers: [{ recvSpec: 'tcp://127.0.0.1:9998', recvIdent: 'app ', protocol: 'tnetstring', rawPayload: false }],
      dirs: [{ indexFile: 'index.html', defaultCtype: 'text/plain', cacheTtl: 0 }],
      filters: [{ serverId: 1, settings: '19:4:list,9:1:1#2:ä,]}' }],
      settings: [
        { key: 'upload.stream', value: '1' },
        { key: 'limits.buffer_size', value: '65536' },
        { key: 'word', value: 'x' },
      ],
      mimetypes: [{ extension: '.html', mimetype: 'text/html' }],
    });
  });

  it('lists everything that is wrong, not only the first thing', () => {
    expect(
      problemsOf(definitionOf({ '/': { handler: 'app' }, x: { dir: 'files' } }, { handlers: { app: handler('a b', 9999) } })),
    ).toEqual([
      'servers[0].hosts[0].routes["x"].dir: there is no files in dirs; it is empty.',
      expect.stringMatching(/^handler a b: its send_ident is "a b"/),
    ]);
    expect(problemsOf(definitionOf({ '/': { handler: { sendSpec: 'ipc://run/a', sendIdent: 'a' } } }))[0]).toContain(
      'recvSpec: it is missing.',
    );
  });

  it.each<[unknown, string]>([
    [undefined, 'the definition: it must be an object.'],
    [{}, 'servers: it is missing.'],
    [{ servers: {} }, 'servers: it must be a list.'],
    [{ servers: [null] }, 'servers[0]: it must be an object.'],
    [definitionOf({ '/': app }, { setings: {} } as never), 'setings: there is no such field. Did you mean settings?'],
    [definitionOf({ '/': app }, {}, { port: '80' } as never), 'servers[0].port: it must be a whole number.'],
    [definitionOf({ '/': app }, {}, { useSsl: 1 } as never), 'servers[0].useSsl: it must be true or false.'],
    [
      definitionOf({ '/': { handler: 'a', dir: 'b' } }),
      'servers[0].hosts[0].routes["/"]: it must have exactly one of handler, dir and proxy.',
    ],
    [definitionOf({ '/': { dir: {} } }), 'servers[0].hosts[0].routes["/"].dir.base: it is missing.'],
    [
      definitionOf({ '/': app }, { settings: { 'upload.stream': 'yes' } as never }),
      'settings["upload.stream"]: it must be true or false.',
    ],
    [
      definitionOf({ '/': app }, { settings: { 'upload.strem': true } as never }),
      'settings["upload.strem"]: Mongrel2 knows no such setting; one of a plug-in goes into otherSettings. Did you mean upload.stream?',
    ],
    [definitionOf({ '/': app }, { mimetypes: { '.x': 1 } as never }), 'mimetypes[".x"]: it must be text, such as text/html.'],
    [
      { servers: [{ uuid: 'm', port: 1, hosts: [{ name: 'h', routes: [['/', app, 1]] }] }] },
      'servers[0].hosts[0].routes[0]: it must be a pair of a path and a target.',
    ],
    [definitionOf({ '/': app }, {}, { chroot: 'a\0b' }), 'servers[0].chroot: it has a NUL.'],
  ])('refuses %o', (definition, problem) => {
    expect(problemsOf(definition)).toContain(problem);
  });

  it('refuses settings of a plug-in that no tnetstring can carry', () => {
    const problems = problemsOf(definitionOf({ '/': app }, {}, { filters: [{ name: 'f.so', settings: { half: 0.5 } }] }));
    expect(problems[0]).toContain('servers[0].filters[0].settings: A tnetstring cannot carry the number 0.5');
  });
});

describe('writeConfig', () => {
  const { model } = checkDefinition(definitionOf({ '/': app }));

  it('replaces a database in one step, keeping its mode, its log and links to it', async () => {
    const folder = newFolder();
    const path = join(folder, 'config.sqlite');
    await writeConfig(path, model, { source: 'one.ts', clock });
    chmodSync(path, 0o640);
    symlinkSync('config.sqlite', join(folder, 'link'));
    const inode = statSync(path).ino;
    await writeConfig(join(folder, 'link'), model, { source: 'two.ts', what: 'test', clock });
    expect(statSync(path).ino).not.toBe(inode);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['config.sqlite', 'link']);
    expect((await readConfig(path)).log).toMatchObject([
      { what: 'test', how: 'two.ts', why: 'command', happenedAt: '2026-01-02 03:04:05' },
      { what: 'build', how: 'one.ts' },
    ]);
  });

  it('replaces an empty file and a database that Mongrel2 could not read, and nothing else', async () => {
    const path = join(newFolder(), 'config.sqlite');
    writeFileSync(path, '');
    await writeConfig(path, model);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 5000));
    await writeConfig(path, model);
    writeFileSync(path, 'my diary\n'.repeat(99));
    await expect(writeConfig(path, model)).rejects.toMatchObject({ code: 'M2_CONFIG_UNREADABLE' });
    expect(readFileSync(path, 'utf8')).toContain('my diary');
  });

  it('leaves everything as it was when it cannot write', async () => {
    const folder = newFolder();
    const missing = join(folder, 'none/config.sqlite');
    await expect(writeConfig(missing, model)).rejects.toMatchObject({
      code: 'M2_CONFIG_NOT_WRITTEN',
      details: { path: missing },
    });
    mkdirSync(join(folder, 'taken'));
    await expect(writeConfig(join(folder, 'taken'), model)).rejects.toMatchObject({ code: 'M2_CONFIG_UNREADABLE' });
    const path = join(folder, 'config.sqlite');
    await writeConfig(path, model);
    writeFileSync(`${path}-journal`, 'x');
    await expect(writeConfig(path, model)).rejects.toMatchObject({ code: 'M2_CONFIG_BUSY' });
    expect(readdirSync(folder).sort()).toEqual(['config.sqlite', 'config.sqlite-journal', 'taken']);
  });
});
