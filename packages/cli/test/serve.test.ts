import { type Front, startFront } from '@m2/front';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, killLeftOvers, type RunningM2, spawnM2 } from './harness/spawn-m2.js';

killLeftOvers();

let front: Front;
beforeEach(async () => {
  front = await startFront();
});
afterEach(() => front.close());

const addresses = (): [string, string] => {
  const [handler] = front.handlers;
  if (handler === undefined) throw new Error('the front has no handler');
  return [handler.sendSpec, handler.recvSpec];
};

/** `m2 serve` behind the front, ready. */
async function serving(app = './hello.mjs', ...flags: string[]): Promise<RunningM2> {
  const m2 = spawnM2(['serve', app, ...addresses(), ...flags]);
  await m2.err.seen(/Ready: subscription seen/);
  return m2;
}

const get = async (path: string): Promise<[number, string]> => {
  const response = await fetch(front.url + path);
  return [response.status, await response.text()];
};

describe('m2 serve: an app behind a server', () => {
  it('answers, shows a banner, and exits with 0 at SIGTERM', async () => {
    const m2 = await serving();
    expect(await get('/')).toEqual([200, 'hello']);
    const [send, recv] = addresses();
    for (const text of ['m2 0.', '(fetch app)', 'async over zmtp', send, recv, String(m2.pid), 'Press Ctrl+C to stop.']) {
      expect(m2.err.text).toContain(text);
    }
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
    expect(m2.err.text).toContain('SIGTERM: stopping, nothing is open.');
    expect(m2.out.text).toBe('');
  });

  it('serves a named export, mounted at a root path', async () => {
    const m2 = await serving('./hello.mjs:api', '--root-path=/api');
    expect(await get('/api/x')).toEqual([200, 'the api']);
    m2.child.kill('SIGINT');
    expect(await m2.ended).toBe(0);
  });

  it('takes a backend of the user, loaded from a file', async () => {
    const m2 = await serving('./hello.mjs', '--io=./own-backend.mjs');
    expect(await get('/')).toEqual([200, 'hello']);
    expect(m2.err.text).toContain('own over zmtp');
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });

  it('writes JSON lines when stderr is no terminal', async () => {
    const m2 = spawnM2(['serve', './hello.mjs', ...addresses()], { env: { M2_LOG_FORMAT: 'auto' } });
    await m2.err.seen(/Ready: subscription seen/);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
    const lines = m2.err.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ level: 'info', pid: m2.pid, kind: 'fetch', io: 'async', transport: 'zmtp' });
  });

  it('waits for a Mongrel2 that comes later', async () => {
    const [send, recv] = addresses();
    await front.close();
    const m2 = spawnM2(['serve', './hello.mjs', send, recv]);
    await m2.err.seen(/Press Ctrl\+C/);
    front = await startFront({ handlers: { sendSpec: send, recvSpec: recv } });
    await m2.err.seen(/Ready: subscription seen/);
    expect(await get('/')).toEqual([200, 'hello']);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });
});

describe('m2 serve: signals', () => {
  it('answers a slow request after Ctrl-C, then exits with 0', async () => {
    const m2 = await serving();
    const slow = get('/slow');
    await m2.out.seen(/slow began/);
    m2.child.kill('SIGINT');
    await m2.err.seen(/SIGINT: stopping, waiting up to 30 s for 1 open request; a second signal forces/);
    m2.child.stdin?.write('go\n');
    expect(await slow).toEqual([200, 'slow answer']);
    expect(await m2.ended).toBe(0);
    expect(m2.err.text).toContain('Stopped: everything was answered.');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('is forced by a second %s and exits with %i', async (signal, expected) => {
    const m2 = await serving();
    const slow = get('/slow').catch(() => 'cut off');
    await m2.out.seen(/slow began/);
    m2.child.kill('SIGINT');
    await m2.err.seen(/stopping/);
    // Signals that come at once are taken for one.
    const again = setInterval(() => m2.child.kill(signal), 50);
    await m2.err.seen(/again: closing/);
    clearInterval(again);
    expect(await m2.ended).toBe(expected);
    expect(m2.err.text).toContain('again: closing now, 1 open request cut off.');
    await slow;
  });

  it('exits with 1 when a request is unfinished at the graceful timeout', async () => {
    const m2 = await serving('./hello.mjs', '--graceful-timeout=0.2');
    const slow = get('/slow').catch(() => 'cut off');
    await m2.out.seen(/slow began/);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(1);
    expect(m2.err.text).toContain('Cut off after the graceful timeout of 0.2 s: 1 open request.');
    await slow;
  });

  it('refuses SIGHUP and lives on', async () => {
    const m2 = await serving();
    m2.child.kill('SIGHUP');
    await m2.err.seen(/SIGHUP: --io=async cannot reload/);
    expect(await get('/')).toEqual([200, 'hello']);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });

  it('ends although the app keeps a timer', async () => {
    const m2 = await serving();
    expect(await get('/interval')).toEqual([200, 'keeps a timer']);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });

  it.each([
    ['/crash', 'thrown by a timer'],
    ['/reject', 'rejected by a timer'],
  ])('logs an error outside of requests (%s), drains and exits with 1', async (path, text) => {
    const m2 = await serving();
    expect((await get(path))[0]).toBe(200);
    expect(await m2.ended).toBe(1);
    expect(m2.err.text).toMatch(new RegExp(`Error: ${text}\\n\\s+at .*hello\\.mjs`));
  });
});

describe('m2 serve: what cannot work', () => {
  /** Ended by itself, with one text. */
  async function failed(...argv: string[]): Promise<{ code: number | string; err: string }> {
    const m2 = spawnM2(argv);
    const code = await m2.ended;
    expect(m2.out.text).toBe('');
    return { code, err: m2.err.text };
  }

  it('exits with 2 for wrong usage', async () => {
    expect(await failed('serve', './hello.mjs')).toMatchObject({ code: 2, err: expect.stringContaining('send_spec is missing') });
    expect(await failed('serve', './hello.mjs', 'tcp://127.0.0.1:9', '--io=./nope.mjs')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no file "./nope.mjs"'),
    });
  });

  it.each([
    ['./none.mjs', 'M2_APP_NOT_FOUND', /none\.mjs/],
    ['./hello.mjs:nope', 'M2_APP_EXPORT_MISSING', /nope/],
    ['./hello.mjs:nothing', 'M2_APP_NOT_RECOGNISED', /nothing/],
    ['./import-error.mjs', 'M2_APP_IMPORT_FAILED', /no-such-package-anywhere/],
    ['./throws.mjs', 'M2_APP_IMPORT_FAILED', /TypeError: the database is missing\n\s+at setUp .*throws\.mjs:2/],
  ])('exits with 4 for the app %s: %s', async (app, code, text) => {
    const { code: exit, err } = await failed('serve', app, 'tcp://127.0.0.1:9');
    expect(exit).toBe(4);
    expect(err).toContain(`[${code}]`);
    expect(err).toMatch(text);
  });

  it.skipIf(Boolean((process.features as { typescript?: unknown }).typescript))(
    'exits with 4 for TypeScript on a Node that cannot load it, and says what can',
    async () => {
      const { code, err } = await failed('serve', './typed.ts', 'tcp://127.0.0.1:9');
      expect(code).toBe(4);
      expect(err).toContain('[M2_APP_TYPESCRIPT_UNSUPPORTED]');
      expect(err).toContain(process.versions.node);
    },
  );

  it('exits with 5 when no Mongrel2 comes within the connect timeout', async () => {
    const port = await freePort();
    const { code, err } = await failed('serve', './hello.mjs', `tcp://127.0.0.1:${port}`, '--connect-timeout=0.3');
    expect(code).toBe(5);
    expect(err).toContain('No subscription was seen within the connect timeout of 0.3 s');
  });

  it('says that the addresses are swapped', async () => {
    const [send, recv] = addresses();
    const m2 = spawnM2(['serve', './hello.mjs', recv, send]);
    await m2.err.seen(/Most likely send_spec and recv_spec are swapped/);
    m2.child.kill('SIGTERM');
    expect(await m2.ended).toBe(0);
  });
});
