import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasMongrel2 } from '../harness/mongrel2.js';
import { Spawned } from '../harness/spawned.js';
import { type ConfiguredMongrel2, startConfigured } from './support/configured.js';

const bin = fileURLToPath(new URL('../../packages/cli/bin/m2.js', import.meta.url));
/** Each of these tests starts m2 several times. */
const PATIENCE = { timeout: 90_000 };
const env = { PATH: process.env.PATH, M2_LOG_FORMAT: 'text', NO_COLOR: '1' };

/** Starts the built `m2`. */
const m2 = (cwd: string, ...argv: readonly string[]): Spawned => new Spawned(process.execPath, [bin, ...argv], { cwd, env });

/** Runs it to its end. */
async function ran(cwd: string, ...argv: readonly string[]): Promise<{ code: number | string; output: string }> {
  const program = m2(cwd, ...argv);
  try {
    return { code: await program.end(), output: program.output };
  } finally {
    await program.stop();
  }
}

const APP = `import { text } from 'node:stream/consumers';
export default { async fetch(request) { return new Response(new URL(request.url).pathname + ' ' + (await request.text()).length); } };
`;

const DEFINITION = (port: number): string => `import { defineConfig } from '@m2/config';
const port: number = ${port};
export default defineConfig({
  handlers: { app: { sendSpec: 'ipc://run/send', recvSpec: 'ipc://run/recv', sendIdent: 'app' } },
  servers: [{ uuid: 'main', port, bindAddr: '127.0.0.1', hosts: [{ name: 'localhost', routes: { '/': { handler: 'app' } } }] }],
  settings: { 'server.daemonize': false },
});
`;

describe('m2 config', PATIENCE, () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'm2-config-'));
    writeFileSync(join(folder, 'mongrel2.config.ts'), DEFINITION(6767));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('builds, shows, checks, compares and imports', async () => {
    expect(await ran(folder, 'config', 'build')).toEqual({
      code: 0,
      output: `${join(folder, 'config.sqlite')}: 1 server, 1 host, 1 route, 1 handler\n`,
    });
    const shown = await ran(folder, 'config', 'show', 'config.sqlite');
    expect(shown.output).toMatch(
      /server main: uuid main, http on 127\.0\.0\.1:6767[\s\S]*localhost +\/ +handler app \(id 1\)[\s\S]*server\.daemonize +0/,
    );
    const checked = await ran(folder, 'config', 'check');
    expect(checked).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^advice +setting upload\.stream: it is off[\s\S]*0 errors, 0 warnings, \d+ of advice\n$/),
    });
    writeFileSync(join(folder, 'mongrel2.config.ts'), DEFINITION(7000));
    expect(await ran(folder, 'config', 'diff', 'config.sqlite', 'mongrel2.config.ts')).toEqual({
      code: 1,
      output: '~ server main\n    - port=6767\n    + port=7000\n',
    });
    expect(await ran(folder, 'config', 'import', 'config.sqlite', '--out=again.config.ts')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'again.config.ts'), 'utf8')).toContain(
      "handlers: { app: { sendSpec: 'ipc://run/send', sendIdent: 'app', recvSpec: 'ipc://run/recv' } },",
    );
    expect(await ran(folder, 'config', 'diff', 'config.sqlite', 'again.config.ts')).toEqual({ code: 0, output: '' });
    expect(JSON.parse((await ran(folder, 'config', 'show', '--json', 'config.sqlite')).output)).toMatchObject({
      servers: [{ port: 6767 }],
    });
  });

  it('says what is wrong, and leaves what is there', async () => {
    await ran(folder, 'config', 'build');
    const before = readFileSync(join(folder, 'config.sqlite'));
    writeFileSync(join(folder, 'mongrel2.config.ts'), DEFINITION(6767).replace("sendIdent: 'app'", "sendIdent: 'a_b'"));
    const failed = await ran(folder, 'config', 'build');
    expect(failed).toMatchObject({ code: 2, output: expect.stringContaining('handler a_b: its send_ident is "a_b"') });
    expect(readFileSync(join(folder, 'config.sqlite')).equals(before)).toBe(true);
    expect(await ran(folder, 'config', 'import', 'config.sqlite', '--out=mongrel2.config.ts')).toMatchObject({
      code: 2,
      output: expect.stringContaining('is there already'),
    });
    expect(await ran(folder, 'config', 'show', 'package.json')).toMatchObject({
      code: 2,
      output: expect.stringContaining('[M2_CONFIG_UNREADABLE]'),
    });
    expect(await ran(folder, 'config', 'biuld')).toMatchObject({
      code: 2,
      output: expect.stringContaining('Did you mean m2 config build?'),
    });
    const strict = DEFINITION(6767).replace('settings: {', "settings: { 'zeromq.threads': 2,").replace("'/': {", "'/a[0-9]': {");
    writeFileSync(join(folder, 'mongrel2.config.ts'), strict);
    expect(await ran(folder, 'config', 'build', '--strict')).toMatchObject({
      code: 2,
      output: expect.stringContaining('1 warning'),
    });
    expect(await ran(folder, 'config', 'check', '--strict')).toMatchObject({ code: 1 });
  });
});

describe.skipIf(!hasMongrel2)('m2 with a configuration of the real Mongrel2', PATIENCE, () => {
  let mongrel2: ConfiguredMongrel2;
  let app: Spawned | undefined;
  beforeAll(async () => {
    mongrel2 = await startConfigured(({ port }) => ({
      servers: [
        {
          uuid: 'main',
          port,
          bindAddr: '127.0.0.1',
          hosts: [
            {
              name: 'localhost',
              routes: {
                '/api/': { handler: { sendSpec: 'ipc://run/api-send', recvSpec: 'ipc://run/api-recv', sendIdent: 'api' } },
                '/': { handler: { sendSpec: 'ipc://run/rest-send', recvSpec: 'ipc://run/rest-recv', sendIdent: 'rest' } },
              },
            },
          ],
        },
      ],
      settings: { 'server.daemonize': false, 'superpoll.max_fd': 1024, 'upload.temp_store': '/uploads/up.XXXXXX' },
    }));
    writeFileSync(join(mongrel2.chroot, 'app.mjs'), APP);
  });
  afterEach(async () => {
    await app?.stop();
    app = undefined;
  });
  afterAll(() => mongrel2?.stop());

  it('serves the handler of a path, uploads below the chroot included', async () => {
    app = m2(mongrel2.chroot, 'serve', './app.mjs', '--config=config.sqlite', '--path=/api/users');
    await app.prints('subscription seen');
    const url = `http://127.0.0.1:${mongrel2.port}/api/upload`;
    const response = await fetch(url, { method: 'POST', body: 'x'.repeat(300_000) });
    expect([response.status, await response.text()]).toEqual([200, '/api/upload 300000']);
    expect(app.output).toContain('could serve m2 better');
    app.signal('SIGTERM');
    expect(await app.end()).toBe(0);
  });

  it('serves several handlers', async () => {
    app = m2(mongrel2.chroot, 'serve', './app.mjs', '--config=config.sqlite', '--all-handlers', '--server=main');
    await app.prints('subscription seen');
    for (const path of ['/api/x', '/other']) {
      expect(await (await fetch(`http://127.0.0.1:${mongrel2.port}${path}`)).text()).toBe(`${path} 0`);
    }
  });

  it('lists what there is to choose from when a selection fits none, or several', async () => {
    const serve = (...flags: readonly string[]) => ran(mongrel2.chroot, 'serve', './app.mjs', ...flags);
    const choices = expect.stringMatching(
      /handler api \(id 1, ipc:\/\/run\/api-send\) of server main: localhost \/api\/\n +handler rest/,
    );
    expect(await serve('--config=config.sqlite')).toMatchObject({ code: 2, output: choices });
    expect(await serve('--config=config.sqlite', '--handler=apx')).toMatchObject({ code: 2, output: choices });
    expect(await serve('--config=none.sqlite')).toMatchObject({ code: 2, output: expect.stringContaining('does not exist') });
    expect(await serve('--route=/api')).toMatchObject({ code: 2, output: expect.stringContaining('send_spec is missing') });
    expect(await serve('tcp://127.0.0.1:9', '--route=/api')).toMatchObject({
      code: 2,
      output: expect.stringContaining('add --config=FILE'),
    });
  });

  it('asks the control port', async () => {
    const control = (...words: readonly string[]) => ran(mongrel2.chroot, 'control', '--config=config.sqlite', ...words);
    expect(await control('uuid')).toEqual({ code: 0, output: 'uuid\nmain\n' });
    expect((await control('status', 'tasks')).output).toMatch(/^ *id +system +name +state +status\n[\s\S]*\bcontrol\b/);
    expect(JSON.parse((await control('info', '--json')).output)).toMatchObject({ port: mongrel2.port, defaultHost: 'localhost' });
    expect(await control('kill', '4711')).toMatchObject({ code: 1, output: expect.stringContaining('[M2_CONTROL_REFUSED]') });
    expect(await control('kill', 'all')).toMatchObject({ code: 2, output: expect.stringContaining('the id of a connection') });
    expect(await control('dance')).toMatchObject({ code: 2, output: expect.stringContaining('no command "dance"') });
    const spec = `ipc://${mongrel2.chroot}/run/control`;
    expect(await ran('/', 'control', spec, 'status', 'net', '--json')).toMatchObject({
      code: 0,
      output: expect.stringContaining('['),
    });
    expect(await ran('/', 'control', `${spec}-none`, 'uuid', '--timeout=0.2')).toMatchObject({
      code: 5,
      output: expect.stringContaining('[M2_TIMED_OUT]'),
    });
  });
});
