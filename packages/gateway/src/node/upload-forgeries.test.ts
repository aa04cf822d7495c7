// Messages that no real Mongrel2 sends, or that a client can make it send: an upload header names a file that is none of the
// request's. No such file may be opened or removed (protocol 7.2).
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { encodeRequest, type Field, type RequestFields } from '@m2/core';
import { eventually, turns } from '@m2/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Running, serveApp } from '../../test/harness.js';
import { type UploadFolder, uploadFolder } from './upload-folder.js';

const START = 'x-mongrel2-upload-start';
const DONE = 'x-mongrel2-upload-done';
const VICTIM = '/uploads/up.victim';
const SECRET = 'nobody may read this';

let base = '';
let folder: UploadFolder;
let running: Running;

const inFolder = (name: string) => join(folder.path, name);
const length = (value: Field[1]): Field => ['content-length', value];
const CHUNKED: Field = ['transfer-encoding', 'chunked'];

/** Sends a request of connection `id` as Mongrel2 would write it. */
function send(id: number, headers: readonly Field[], body = '', method = 'POST'): void {
  const meta: Field[] = Object.entries({
    METHOD: method,
    VERSION: 'HTTP/1.1',
    URI: '/',
    PATTERN: '/',
    URL_SCHEME: 'http',
    REMOTE_ADDR: '127.0.0.1',
  });
  const fields: RequestFields = {
    server: 'scripted',
    id,
    path: '/',
    meta,
    headers: [['host', 'localhost'], ...headers],
    body: new TextEncoder().encode(body),
  };
  expect(running.mongrel2.sendRaw(encodeRequest(fields, 'tnetstring'))).toBe(true);
}

const counters = () => running.server.stats().counters;
const allEnded = (received: number) =>
  eventually(() => {
    const { replied, clientGone } = counters();
    return counters().received === received && replied + clientGone === received;
  }, 'every request has ended');

const seen: string[] = [];
/** Files of real uploads that a test lets be removed. */
let removed = 0;

beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'm2-forged-')));
  mkdirSync(join(base, 'uploads'));
  writeFileSync(join(base, 'secret'), SECRET);
  folder = uploadFolder(join(base, 'uploads'), { recheckMs: 3_600_000 });
  writeFileSync(inFolder('up.victim'), SECRET);
  seen.length = 0;
  removed = 0;
  const app = async (request: Request) => {
    expect([request.headers.has(START), request.headers.has(DONE)]).toEqual([false, false]);
    seen.push(await request.text());
    return new Response('read\n');
  };
  running = await serveApp(app, { connection: { uploads: folder } });
});
afterEach(async () => {
  await running.server.stop({ graceMs: 0 });
  expect(readFileSync(join(base, 'secret'), 'utf8')).toBe(SECRET);
  expect(readFileSync(inFolder('up.victim'), 'utf8')).toBe(SECRET);
  expect(folder.stats()).toMatchObject({ bytes: 0, removed, open: 0 });
  for (const text of seen) expect(text).not.toContain(SECRET);
  rmSync(base, { recursive: true });
});

/** What is treated as an ordinary request: the headers say nothing. */
const ordinary: Record<string, { headers: readonly Field[]; method?: string; body?: string }> = {
  'GET with both headers and nothing else': { headers: [], method: 'GET' },
  'a length beyond all numbers': { headers: [length('99999999999999999999')] },
  'a length of 2^32': { headers: [length('4294967296')] },
  'a length of 2^31': { headers: [length('2147483648')] },
  'a length of 0, and chunked': { headers: [length('0'), CHUNKED] },
  'a length with a sign': { headers: [length('+100')] },
  'a length with a tail': { headers: [length('100abc')] },
  'a negative length': { headers: [length('-1')] },
  'a hexadecimal length': { headers: [length('0x100')] },
  'several lengths, the first of them nothing': { headers: [length(['0', '100'])] },
  'chunked by another name': { headers: [['transfer-encoding', 'Chunked']] },
  'chunked twice': { headers: [['transfer-encoding', ['chunked', 'chunked']]] },
  'chunked after gzip': { headers: [['transfer-encoding', 'gzip, chunked']] },
  'a body of its own': { headers: [length('3')], body: 'abc' },
};

describe.each([VICTIM, '/etc/passwd', '../secret'])('a request that names %s is an ordinary one with', (name) => {
  it.each(Object.entries(ordinary))('%s', async (_what, { headers, method, body }) => {
    send(1, [[START, name], [DONE, name], ...headers], body, method);
    await allEnded(1);
    expect(counters()).toMatchObject({ forgedUploads: 1, uploadParts: 0, orphans: 0 });
    expect(folder.stats().uploads).toBe(0);
  });
});

describe('a name that is none of Mongrel2 in this folder is not looked for', () => {
  const names: Record<string, Field[1]> = {
    'a way out of the folder': '/uploads/../secret',
    'a way out and in again': '/uploads/../uploads/up.victim',
    'the parent itself': '/uploads/..',
    'a NUL byte': '/uploads/up.victim\0',
    'no name': '/uploads/',
    'an empty name': '',
    'a file below it': '/uploads/up.victim/x',
    'two names': [VICTIM, VICTIM],
    'another form than mkstemp makes': '/uploads/secret-',
  };
  it.each(Object.entries(names))('%s', async (_what, start) => {
    send(1, [[START, start], length('100')]);
    await allEnded(1);
    expect(counters()).toMatchObject({ forgedUploads: 1 });
    expect(folder.stats().uploads).toBe(0);
  });

  it('a path elsewhere comes down to its last part, and there is none of that name', async () => {
    send(1, [[START, '/etc/passwd'], length('2000')]);
    await allEnded(1);
    expect(existsSync(inFolder('passwd'))).toBe(false);
    expect(seen).toEqual([]);
  });
});

describe('a file of the folder that is not what it seems', () => {
  it.each(['secret', 'uploads/up.victim', '/etc/passwd'])('a link to %s', async (target) => {
    symlinkSync(resolve(base, target), inFolder('up.linked'));
    for (const end of [[], [[DONE, '/uploads/up.linked']]] as Field[][]) {
      send(1, [[START, '/uploads/up.linked'], length(`${SECRET.length}`), ...end]);
    }
    await allEnded(1);
    await folder.settled();
    expect(seen).toEqual([]);
    expect(lstatSync(inFolder('up.linked')).isSymbolicLink()).toBe(true);
    expect(folder.stats().refused).toBe(1);
  });
});

describe('the word of completion', () => {
  it('of an upload that never began here removes nothing and is answered by nobody', async () => {
    send(1, [[START, VICTIM], [DONE, VICTIM], length('20')]);
    await eventually(() => counters().orphans === 1, 'it is counted');
    expect(counters()).toMatchObject({ received: 0, uploadParts: 1 });
  });

  it('for the running upload of another connection changes nothing', async () => {
    writeFileSync(inFolder('up.others'), '');
    send(1, [[START, '/uploads/up.others'], CHUNKED]);
    await eventually(() => folder.stats().uploads === 1, 'the upload has begun');
    send(2, [[START, '/uploads/up.others'], [DONE, '/uploads/up.others'], CHUNKED]);
    await eventually(() => counters().orphans === 1, 'it is counted');
    await turns(20);
    expect([seen, existsSync(inFolder('up.others'))]).toEqual([[], true]);
    send(1, [[START, '/uploads/up.others'], [DONE, '/uploads/up.others'], CHUNKED]);
    await allEnded(1);
    expect(seen).toEqual(['']);
    await folder.settled();
    expect(existsSync(inFolder('up.others'))).toBe(false);
    removed = 1;
  });

  it('with another name than the start is none: the upload goes on', async () => {
    writeFileSync(inFolder('up.others'), '');
    send(1, [[START, '/uploads/up.others'], [DONE, VICTIM], CHUNKED]);
    await eventually(() => folder.stats().uploads === 1, 'the upload has begun');
    expect(counters()).toMatchObject({ uploadParts: 0, orphans: 0, received: 1 });
    await turns(20);
    expect(seen).toEqual([]);
    removed = 1;
  });

  it('a second upload of the same file, by another connection, gets nothing', async () => {
    writeFileSync(inFolder('up.others'), '');
    send(1, [[START, '/uploads/up.others'], CHUNKED]);
    await eventually(() => folder.stats().uploads === 1, 'the upload has begun');
    send(2, [[START, '/uploads/up.others'], CHUNKED]);
    await eventually(() => counters().replied === 1, 'the second is answered');
    expect([seen, folder.stats().uploads, folder.stats().refused, existsSync(inFolder('up.others'))]).toEqual([[], 1, 1, true]);
    removed = 1;
  });
});
