import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ConfigModel,
  checkDefinition,
  definitionSource,
  diffConfigs,
  importConfig,
  loadDefinition,
  readConfig,
  writeConfig,
} from '@m2/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMongrel2 } from '../harness/mongrel2.js';
import { CONF_TEXTS, withPorts } from './support/conf-texts.js';
import { loadWithM2sh, startConfigured } from './support/configured.js';

/** All rows but those of the log, and without the ids that nothing refers to. */
const rowsOf = ({ log: _log, ...rows }: ConfigModel) => rows;

const byKey = (rows: readonly { readonly key: string }[]) => [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));

describe.skipIf(!hasMongrel2).each(Object.entries(CONF_TEXTS))('a database of m2sh with %s', (_name, conf) => {
  let folder = '';
  let original: ConfigModel;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'm2-round-'));
    loadWithM2sh(folder, withPorts(conf, 6767, 6768), join(folder, 'm2sh.sqlite'));
    original = await readConfig(join(folder, 'm2sh.sqlite'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('becomes TypeScript that builds the same rows again', async () => {
    const { definition, lost } = importConfig(original);
    expect(lost).toEqual([]);
    const source = join(folder, 'mongrel2.config.ts');
    writeFileSync(source, definitionSource(definition, ['made by a test']));
    const { model } = checkDefinition(await loadDefinition(source));
    await writeConfig(join(folder, 'again.sqlite'), model, { source });
    const again = await readConfig(join(folder, 'again.sqlite'));
    const { settings, ...rows } = rowsOf(again);
    const { settings: settingsThen, ...rowsThen } = rowsOf(original);
    expect(rows).toEqual(rowsThen);
    expect(byKey(settings)).toEqual(byKey(settingsThen));
    expect(diffConfigs(original, again)).toEqual([]);
    expect(again.log[0]).toMatchObject({ what: 'build', how: source, why: 'command' });
  });

  it('differs in what is changed, and in nothing else', () => {
    const { definition } = importConfig(original);
    const [first, ...others] = definition.servers;
    if (first === undefined) throw new Error('There is no server.');
    const changed = {
      ...definition,
      servers: [{ ...first, port: 7001 }, ...others],
      settings: { ...definition.settings, 'upload.stream': true },
    };
    const changes = diffConfigs(original, checkDefinition(changed).model);
    expect(changes).toMatchObject([
      {
        kind: 'changed',
        what: 'server main',
        before: expect.stringContaining('port=6767'),
        after: expect.stringContaining('port=7001'),
      },
      { kind: 'added', what: 'setting upload.stream', after: '"1"' },
    ]);
  });
});

describe.skipIf(!hasMongrel2)('the real Mongrel2', () => {
  it.each(Object.entries(CONF_TEXTS))('starts with what was imported from %s', async (_name, conf) => {
    const mongrel2 = await startConfigured(({ port, otherPort, chroot }) => {
      const database = join(chroot, 'm2sh.sqlite');
      loadWithM2sh(chroot, withPorts(conf, port, otherPort), database);
      return readConfig(database).then((model) => importConfig(model).definition);
    });
    try {
      const { hosts } = await readConfig(mongrel2.database);
      const own = hosts.filter(({ serverId }) => serverId === 1).length;
      expect(mongrel2.log()).toContain(`Loaded ${own} hosts for server 1:main`);
    } finally {
      await mongrel2.stop();
    }
  });

  it('starts with directories, types, a filter and every setting that has a default', async () => {
    const mongrel2 = await startConfigured(({ port }) => ({
      dirs: { files: { base: 'files/', cacheTtl: 1 } },
      filters: { nothing: { name: '/usr/lib/mongrel2/filters/null.so', settings: { word: 'ä', list: [1, true, null] } } },
      servers: [
        {
          uuid: 'main',
          port,
          bindAddr: '127.0.0.1',
          filters: ['nothing'],
          hosts: [{ name: 'localhost', routes: { '/': { dir: 'files' } } }],
        },
      ],
      settings: { 'server.daemonize': false, 'superpoll.max_fd': 1024, certdir: './certs/' },
      mimetypes: { '.m2': 'text/x-m2' },
    }));
    try {
      writeFileSync(join(mongrel2.chroot, 'files/page.m2'), 'a page');
      const response = await fetch(`http://127.0.0.1:${mongrel2.port}/page.m2`);
      expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
        200,
        'text/x-m2',
        'a page',
      ]);
    } finally {
      await mongrel2.stop();
    }
  });
});
