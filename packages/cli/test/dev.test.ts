import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { killLeftOvers, type RunningM2, spawnM2 } from './harness/spawn-m2.js';

killLeftOvers();

/** The URL in the banner. */
const urlOf = async (m2: RunningM2): Promise<string> => (await m2.err.seen(/open +(http:\S+)/))[1] ?? '';

const get = async (url: string): Promise<string> => (await fetch(url)).text();

describe('m2 dev', () => {
  it('serves an app on the embedded front, and exits with 0 at Ctrl-C', async () => {
    const m2 = spawnM2(['dev', './hello.mjs', '--port=0']);
    const url = await urlOf(m2);
    expect(await get(url)).toBe('hello');
    m2.child.kill('SIGINT');
    expect(await m2.ended).toBe(0);
  });

  it('answers a slow request before it ends', async () => {
    const m2 = spawnM2(['dev', './hello.mjs', '--port=0']);
    const slow = get(`${await urlOf(m2)}/slow`);
    await m2.out.seen(/slow began/);
    m2.child.kill('SIGINT');
    await m2.err.seen(/SIGINT: stopping/);
    m2.child.stdin?.write('go\n');
    expect(await slow).toBe('slow answer');
    expect(await m2.ended).toBe(0);
  });

  it('takes bodies that are longer than one message', async () => {
    const m2 = spawnM2(['dev', './hello.mjs', '--port=0']);
    const body = 'a line of text\n'.repeat(20_000);
    const response = await fetch(`${await urlOf(m2)}/echo`, { method: 'POST', body });
    expect((await response.text()) === body).toBe(true);
    m2.child.kill('SIGINT');
    expect(await m2.ended).toBe(0);
  });

  it('says when the port is taken, and exits with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const m2 = spawnM2(['dev', './hello.mjs', `--port=${port}`]);
    expect(await m2.ended).toBe(1);
    expect(m2.err.text).toContain(`cannot listen on port ${port} of 127.0.0.1: another process has it (EADDRINUSE)`);
    expect(m2.err.text).toContain('[M2_ADDRESS_INVALID]');
    other.close();
  });

  it('exits with 4 when the app cannot be loaded', async () => {
    const m2 = spawnM2(['dev', './none.mjs', '--port=0']);
    expect(await m2.ended).toBe(4);
  });
});

describe('m2 dev --watch', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'm2-dev-'));
    await write('one');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = (text: string) =>
    writeFile(
      join(folder, 'app.mjs'),
      `export default (request) => new Response(request.url.endsWith('/pid') ? String(process.pid) : '${text}');`,
    );

  it('serves the new code after a change, and waits with requests while the app is broken', async () => {
    const m2 = spawnM2(['dev', './app.mjs', '--port=0', '--watch'], { cwd: folder });
    const url = await urlOf(m2);
    expect(await get(url)).toBe('one');
    await m2.err.seen(/The app is ready/);
    await write('two');
    await m2.err.seen(/app\.mjs changed: restarting the app\.[\s\S]*The app is ready/);
    expect(await get(url)).toBe('two');
    await writeFile(join(folder, 'app.mjs'), 'export default (;');
    await m2.err.seen(/SyntaxError[\s\S]*The app ended with code 4\. Requests wait/);
    const waiting = get(url);
    await write('three');
    expect(await waiting).toBe('three');
    m2.child.kill('SIGINT');
    expect(await m2.ended).toBe(0);
  });

  it('loses no request while the app is exchanged under load', async () => {
    const m2 = spawnM2(['dev', './app.mjs', '--port=0', '--watch'], { cwd: folder });
    const url = await urlOf(m2);
    await m2.err.seen(/The app is ready/);
    const last = 'three';
    const answers = new Set<string>();
    const client = async () => {
      for (let answer = ''; answer !== last; ) {
        answer = await get(url);
        answers.add(answer);
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    for (const text of ['two', 'three']) {
      const before = m2.err.text.split('The app is ready').length;
      await write(text);
      await m2.err.seen(new RegExp(`(?:The app is ready[^]*){${before}}`));
    }
    await clients;
    expect([...answers].sort()).toEqual(['one', 'three', 'two']);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });

  it('ends the app when it is killed itself', async () => {
    const m2 = spawnM2(['dev', './app.mjs', '--port=0', '--watch'], { cwd: folder });
    const pid = Number(await get(`${await urlOf(m2)}/pid`));
    expect(pid).not.toBe(m2.pid);
    m2.child.kill('SIGKILL');
    // It has ended only when nobody writes to its output any more, and the app does.
    expect(await m2.ended).toBe('SIGKILL');
    expect(m2.err.text).toContain('The process that started this one is gone.');
  });
});
