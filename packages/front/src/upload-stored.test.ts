import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startPair, startWithClient, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';

let folder = '';
const settings = () => ({ 'upload.temp_store': join(folder, 'up.XXXXXX'), 'upload.temp_store_mode': '0640' }) as const;
const post = (headers: string) => `POST /up HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;
const CHUNKED = post('Transfer-Encoding: chunked');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'm2-front-'));
});
afterEach(async () => {
  await stopPairs();
  await rm(folder, { recursive: true });
});

describe('a stored upload', () => {
  it('is announced, written, and announced as done; then the connection goes on', async () => {
    const { front, handler } = await startPair({ settings: settings() });
    const body = 'line\n'.repeat(20_000);
    const client = await TcpClient.open(
      front,
      post(`Content-Length: ${body.length}\r\nX-Mongrel2-Upload-Start: /etc/passwd\r\nX-Mongrel2-Upload-Done: /etc/passwd`),
    );
    const start = await handler.message(1, 'http');
    const name = start.headers.get('x-mongrel2-upload-start') as string;
    expect(name).toMatch(new RegExp(`^${folder}/up\\.[A-Za-z0-9]{6}$`));
    // What the client claims of itself is replaced only as far as Mongrel2 has come.
    expect(start.upload).toEqual({ type: 'stored', start: name, done: '/etc/passwd' });
    client.send(`${body}GET /next HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await handler.message(2, 'http')).upload).toEqual({ type: 'stored', start: name, done: name });
    expect((await handler.message(3, 'http')).path).toBe('/next');
    expect(await readFile(name, 'latin1')).toBe(body);
    expect((await stat(name)).mode & 0o777).toBe(0o640);
    expect(handler.seen.slice(0, 2).every((message) => message.body.length === 0)).toBe(true);
  });

  it('is how every chunked body comes, even a short one', async () => {
    const { front, handler } = await startPair({ settings: settings() });
    await TcpClient.open(front, `${CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`);
    const done = await handler.message(2, 'http');
    expect(await readFile(done.headers.get('x-mongrel2-upload-done') as string, 'latin1')).toBe('hello world');
  });

  it('stays after the client left, once it was announced as done', async () => {
    const { front, handler } = await startPair({ settings: settings() });
    const client = await TcpClient.open(front, `${CHUNKED}0\r\n\r\n`);
    await handler.count(2);
    client.leave();
    await handler.message(3, 'disconnect');
    await front.close();
    expect(await readdir(folder)).toHaveLength(1);
  });
});

describe('the file of an upload', () => {
  it('is removed when the client leaves before the end', async () => {
    const { front, handler } = await startPair({ settings: settings() });
    const client = await TcpClient.open(front, `${CHUNKED}5\r\nhello\r\n`);
    await handler.count(1);
    expect(await readdir(folder)).toHaveLength(1);
    client.leave();
    await handler.message(2, 'disconnect');
    await front.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['close', 'cancel'])('is removed when the handler answers and says %s', async (how) => {
    const { front, handler } = await startPair({ settings: settings() });
    const client = await TcpClient.open(front, `${CHUNKED}5\r\nhello\r\n`);
    const { id } = await handler.message(1, 'http');
    if (how === 'cancel') handler.control(id, { cancel: true });
    else {
      handler.reply(id, 'no');
      handler.close(id);
    }
    expect(await client.end()).toBe(how === 'close' ? 'no' : '');
    await front.close();
    expect(await readdir(folder)).toEqual([]);
    expect(handler.raw).toHaveLength(1);
  });

  it('that cannot be made closes the connection', async () => {
    const { front, handler, client } = await startWithClient({
      settings: { 'upload.temp_store': join(folder, 'nowhere', 'up.XXXXXX') },
    });
    client.send(CHUNKED);
    expect(await client.end()).toBe('');
    await handler.message(2, 'disconnect');
    const fresh = await TcpClient.open(front, CHUNKED);
    expect(await fresh.end()).toBe('');
    expect(handler.raw).toHaveLength(2);
  });
});
