import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { databaseFile, definitionOf, handler, newFolder } from '../test/support.js';
import { readConfig } from './read-config.js';

const simple = definitionOf({ '/': { handler: handler('app', 9999) }, '/files/': { dir: { base: 'files/' } } });

const refused = (path: string, code: string, ...parts: readonly string[]) =>
  expect(readConfig(path)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(
      new RegExp([path, ...parts].map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*')),
    ),
  });

describe('readConfig', () => {
  it('reads a database and leaves neither a change nor a file behind', async () => {
    const folder = newFolder();
    const path = await databaseFile(simple, '', folder);
    chmodSync(path, 0o444);
    const before = { bytes: readFileSync(path), stat: statSync(path).mtimeMs };
    const model = await readConfig(path);
    expect(model.servers).toMatchObject([{ uuid: 'main', port: 6767, useSsl: false, errorLogLevel: undefined }]);
    expect(model.routes.map(({ path: route, targetType }) => [route, targetType])).toEqual([
      ['/', 'handler'],
      ['/files/', 'dir'],
    ]);
    expect(readFileSync(path).equals(before.bytes) && statSync(path).mtimeMs === before.stat).toBe(true);
    expect(readdirSync(folder)).toEqual(['config.sqlite']);
  });

  it('reads the schema of 1.13, and older ones without plug-ins', async () => {
    const levelled = await databaseFile(
      definitionOf({ '/': { dir: { base: 'files/' } } }, {}, { errorLogLevel: 3 }),
      'DROP TABLE xrequest',
    );
    expect((await readConfig(levelled)).servers[0]?.errorLogLevel).toBe(3);
    const old = await databaseFile(simple, 'DROP TABLE filter; DROP TABLE log; ALTER TABLE server DROP COLUMN control_port');
    expect(await readConfig(old)).toMatchObject({ filters: [], log: [], servers: [{ controlPort: '' }] });
  });

  it('takes NULL where Mongrel2 reads nothing', async () => {
    const path = await databaseFile(
      simple,
      'UPDATE host SET maintenance = NULL; UPDATE route SET reversed = NULL; UPDATE server SET name = NULL',
    );
    expect(await readConfig(path)).toMatchObject({ hosts: [{ maintenance: false }], servers: [{ name: '' }] });
  });
});

describe('readConfig refuses', () => {
  it('what is no file, or no database', async () => {
    const folder = newFolder();
    const path = join(folder, 'config.sqlite');
    await refused(path, 'M2_CONFIG_UNREADABLE', 'does not exist');
    await refused(folder, 'M2_CONFIG_UNREADABLE', 'is a folder');
    writeFileSync(path, '');
    await refused(path, 'M2_CONFIG_UNREADABLE', 'is empty');
    writeFileSync(path, "main = Server(uuid='main')\n".repeat(50));
    await refused(path, 'M2_CONFIG_UNREADABLE', 'is no SQLite database', 'not the file that it is made from');
    await refused(join(path, 'x'), 'M2_CONFIG_UNREADABLE', 'a part of its path is no folder');
    symlinkSync('loop', join(folder, 'loop'));
    await refused(join(folder, 'loop'), 'M2_CONFIG_UNREADABLE', 'is a circle of links');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await refused(join(folder, 'pipe'), 'M2_CONFIG_UNREADABLE', 'is no regular file');
  });

  it('a file that is far too large, without reading it', async () => {
    const path = join(newFolder(), 'config.sqlite');
    writeFileSync(path, 'SQLite format 3\0');
    truncateSync(path, 2 ** 33);
    await refused(path, 'M2_CONFIG_UNREADABLE', '8589934592 bytes');
  });

  it('what is being written', async () => {
    const path = await databaseFile(simple);
    writeFileSync(`${path}-journal`, 'x');
    await refused(path, 'M2_CONFIG_BUSY', 'is being written', '-journal is there');
    writeFileSync(`${path}-journal`, '');
    writeFileSync(`${path}-wal`, 'x');
    await refused(path, 'M2_CONFIG_BUSY', 'wal_checkpoint');
    writeFileSync(`${path}-wal`, '');
    await expect(readConfig(path)).resolves.toBeDefined();
  });

  it('damaged databases', async () => {
    const path = await databaseFile(simple);
    const whole = readFileSync(path);
    for (const [from, to] of [
      [100, 400],
      [4096, 8192],
      [whole.length - 5000, whole.length],
    ] as const) {
      writeFileSync(path, Buffer.concat([whole.subarray(0, from), Buffer.alloc(to - from, 0x5a), whole.subarray(to)]));
      await expect(readConfig(path)).rejects.toMatchObject({ code: 'M2_CONFIG_INVALID' });
    }
    writeFileSync(path, whole.subarray(0, 5000));
    await refused(path, 'M2_CONFIG_INVALID');
  });

  it.each([
    ['no tables', 'DROP TABLE server', 'there is no table server', 'Is this a database of Mongrel2?'],
    ['no column', 'ALTER TABLE handler DROP COLUMN recv_ident', 'table handler has no column recv_ident', 'send_ident'],
    ['NULL', 'UPDATE handler SET send_ident = NULL', 'table handler, row id 1, column send_ident has NULL; it must be text'],
    [
      'text for a number',
      "UPDATE server SET port = 'http'",
      'table server, row id 1, column port has "http"; it must be a whole number',
    ],
    ['a fraction', 'UPDATE server SET port = 80.5', 'column port has 80.5'],
    ['a blob', "UPDATE host SET name = x'00'", 'table host', 'has a blob; it must be text'],
    ['a huge number', 'UPDATE server SET port = 9223372036854775807', 'a number that is too large'],
    [
      'a long text',
      "UPDATE setting SET value = printf('%.*c', 70000, 'x'); INSERT INTO setting (key, value) VALUES ('a', printf('%.*c', 70000, 'x'))",
      'table setting',
      'has 70000 characters',
    ],
    ['a NUL', "UPDATE host SET name = 'a' || char(0) || 'b'", 'has a NUL'],
    [
      'another target',
      "UPDATE route SET target_type = 'teapot' WHERE id = 2",
      'table route, row id 2, column target_type has "teapot"',
      'handler, dir, proxy',
    ],
    [
      'a view that never ends',
      "DROP TABLE setting; CREATE VIEW setting AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'k' AS key, 'v' AS value FROM n",
      'setting is a view',
    ],
    ['a virtual table', 'DROP TABLE setting; CREATE VIRTUAL TABLE setting USING fts3(key, value)', 'setting is a virtual table'],
    [
      'a column that is computed',
      'DROP TABLE setting; CREATE TABLE setting (id INTEGER, key TEXT, value TEXT AS (hex(zeroblob(400000000))))',
      'computes its column value',
    ],
    [
      'too many rows',
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100001) INSERT INTO setting (key, value) SELECT i, i FROM n',
      'has more than 100000 rows',
    ],
  ])('%s', async (_name, sql, ...parts) => {
    await refused(await databaseFile(simple, sql), 'M2_CONFIG_INVALID', ...parts);
  });

  it('a database of something else', async () => {
    const path = await databaseFile(simple, 'DROP TABLE server; DROP TABLE host; CREATE TABLE invoices (id INTEGER)');
    await refused(path, 'M2_CONFIG_INVALID', 'no table server', 'invoices');
  });
});
