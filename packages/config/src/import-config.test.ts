import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { databaseFile, definitionOf, handler, newFolder } from '../test/support.js';
import { checkDefinition } from './build-config.js';
import { definitionSource } from './definition-source.js';
import { diffConfigs } from './diff-config.js';
import { importConfig } from './import-config.js';
import { loadDefinition } from './load-definition.js';
import type { ConfigModel } from './model.js';
import { readConfig } from './read-config.js';

async function again(model: ConfigModel): Promise<ConfigModel> {
  const path = join(newFolder(), 'mongrel2.config.ts');
  writeFileSync(path, definitionSource(importConfig(model).definition, ['a\nremark */ ``']));
  return checkDefinition(await loadDefinition(path)).model;
}

describe('importConfig', () => {
  it('brings back what a definition can say, each oddity of it', async () => {
    const routes = {
      '/': { handler: 'a' },
      '/it\'s \\ \u2028 "quoted" ${x}/': { dir: 'd' },
      '@__proto__': { handler: 'b', reversed: true },
    };
    const { model } = checkDefinition({
      handlers: {
        a: handler('3f8e-1', 9999, { recvIdent: '', protocol: 'json' }),
        b: handler('app', 9989, { recvSpec: 'ipc://run/b', rawPayload: true }),
        c: handler('app', 9979),
        '1': handler('unused', 9969),
      },
      dirs: { d: { base: 'ünï/', indexFile: 'i.htm', defaultCtype: 'text/html', cacheTtl: 3 } },
      proxies: { p: { addr: '::1', port: 81 } },
      servers: [
        {
          uuid: 'main',
          name: '',
          port: 6767,
          bindAddr: '::',
          controlPort: 'ipc://run/c',
          defaultHost: 'two',
          hosts: [
            { name: 'one', maintenance: true, routes },
            {
              name: 'two',
              matching: '(a)two',
              routes: [
                ['/x', { handler: 'c' }],
                ['/x', { proxy: 'p' }],
              ],
            },
          ],
          filters: [{ name: 'f.so', settings: { deep: { list: [true, null, 'ä', []] }, n: -5 } }, { name: 'g.so' }],
          xrequests: [{ name: 'x.so' }],
        },
        { uuid: 'other', port: 1, errorLog: '/e', chroot: '/srv/', hosts: [{ name: 'h', routes: {} }] },
      ],
      settings: { 'upload.temp_store': '/u/XXXXXX', 'upload.stream': false },
      otherSettings: { __proto__x: '1', constructor: 'x' },
      mimetypes: { '.html': 'text/plain', '.new': 'x/y' },
    } as never);
    expect(diffConfigs(model, await again(model))).toEqual([]);
  });

  it('names targets after what they are', () => {
    const { model } = checkDefinition(
      definitionOf({
        '/': { handler: handler('my-app', 9999) },
        '/b': { handler: handler('my-app', 9989) },
        '/c': { handler: handler('9', 9979) },
      }),
    );
    expect(Object.keys(importConfig(model).definition.handlers ?? {})).toEqual(['myApp', 'myApp_2', 'handler3']);
  });

  it('says what it leaves out', async () => {
    const sql = `INSERT INTO host (server_id, name, matching) VALUES (9, 'lost', 'lost'); INSERT INTO route (host_id, path, target_id, target_type) VALUES (9, '/lost', 1, 'handler'),
      (1, '/gone', 9, 'dir'); INSERT INTO setting (key, value) VALUES ('a', '1'), ('a', '2'); INSERT INTO filter (server_id, name, settings) VALUES (1, 'f.so', '8:1:a,3:0.5^}'), (1, 'g.so', 'x');
      INSERT INTO mimetype (extension, mimetype) VALUES ('.html', 'x/y')`;
    const model = await readConfig(await databaseFile(definitionOf({ '/': { handler: handler('a', 9999) } }), sql));
    const { lost, definition } = importConfig(model);
    const kinds = lost.map((text) => text.split(':')[0]);
    expect(kinds.sort()).toEqual([
      'host lost',
      'mimetype .html',
      'plug-in f.so',
      'plug-in g.so',
      'route /gone',
      'route /lost',
      'setting a',
    ]);
    expect(definition.otherSettings).toEqual({ a: '1' });
  });
});

describe('loadDefinition', () => {
  const write = (name: string, text: string): string => {
    const path = join(newFolder(), name);
    writeFileSync(path, text);
    return path;
  };

  it.each(['mongrel2.config.ts', 'config.mts', 'config.mjs', 'config.js'])('loads %s', async (name) => {
    const types = name.endsWith('ts') ? ': number' : '';
    const path = write(
      name,
      `import { defineConfig } from '@m2/config';\nconst port${types} = 6767;\nexport default defineConfig({ servers: [{ uuid: 'main', port, hosts: [] }] });`,
    );
    expect(await loadDefinition(path)).toEqual({ servers: [{ uuid: 'main', port: 6767, hosts: [] }] });
    writeFileSync(path, 'export default { servers: [] };');
    expect(await loadDefinition(path)).toEqual({ servers: [] });
  });

  it('refuses what it cannot load, or what is no configuration', async () => {
    const refused = (path: string, message: string) =>
      expect(loadDefinition(path)).rejects.toMatchObject({
        code: 'M2_CONFIG_LOAD_FAILED',
        message: expect.stringContaining(message),
      });
    await refused(join(newFolder(), 'none.ts'), 'could not be loaded');
    await refused(write('a.ts', 'export default {'), 'could not be loaded');
    await refused(write('b.ts', "throw new Error('broken on purpose')"), 'broken on purpose');
    await refused(write('c.ts', "import 'no-such-package'"), 'no-such-package');
    await refused(write('d.ts', 'export const servers = [];'), 'exports no configuration by default');
    await refused(write('e.ts', 'export default 42;'), 'exports no configuration by default');
  });
});
