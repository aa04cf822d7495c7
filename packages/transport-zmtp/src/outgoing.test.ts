import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { RawPeer } from '../test/raw-peer.js';
import { eventually, numbered } from '../test/support.js';
import { Outgoing } from './outgoing.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Two ends of a connection; the far one reads nothing until it is resumed. */
async function pair(): Promise<{ near: Socket; far: Socket; writes: () => number }> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  near.on('error', () => {});
  far.on('error', () => {});
  await eventually('the socket is connected', () => !near.connecting);
  server.close();
  closers.push(() => near.destroy() && far.destroy());
  let count = 0;
  for (const name of ['_write', '_writev'] as const) {
    const original = near[name] as (...args: unknown[]) => void;
    Object.assign(near, {
      [name]: (...args: unknown[]) => {
        count++;
        original.apply(near, args);
      },
    });
  }
  return { near, far, writes: () => count };
}

/** What comes at the far end, until it is that long. */
async function arrives(far: Socket, length: number): Promise<string> {
  const peer = new RawPeer(far);
  far.resume();
  await peer.until(`${length} bytes have come`, () => peer.length >= length);
  return peer.received.toString('latin1');
}

describe('what goes out in one tick', () => {
  it('is written once, texts and bytes in their order', async () => {
    const { near, far, writes } = await pair();
    let written = 0;
    const outgoing = new Outgoing(near, (messages) => (written += messages));
    outgoing.frame('head ', 'text\xff', false);
    outgoing.frame('h', Buffer.from('bytes'), true);
    outgoing.raw(Buffer.from('\x04\x02\x01X'));
    outgoing.frame('', 'x'.repeat(300), false);
    expect([outgoing.pendingMessages, outgoing.pendingBytes]).toEqual([2, 12 + 8 + 4 + 309]);
    const expected = `\0\x0ahead text\xff\x01\x06hbytes\x04\x02\x01X\x02\0\0\0\0\0\0\x01\x2c${'x'.repeat(300)}`;
    expect(await arrives(far, expected.length)).toBe(expected);
    expect([writes(), written, outgoing.pendingMessages, outgoing.pendingBytes]).toEqual([1, 2, 0, 0]);
  });

  it('is one write for 1,000 texts', async () => {
    const { near, far, writes } = await pair();
    const outgoing = new Outgoing(near, () => {});
    for (const text of numbered('r', 1000)) outgoing.frame('head ', text, false);
    const expected = numbered('r', 1000).map((text) => `\0${String.fromCharCode(5 + text.length)}head ${text}`);
    expect(await arrives(far, expected.join('').length)).toBe(expected.join(''));
    expect(writes()).toBe(1);
  });

  it('can be flushed at once, and then does not go out again', async () => {
    const { near, far, writes } = await pair();
    const outgoing = new Outgoing(near, () => {});
    outgoing.frame('', 'a', false);
    outgoing.flush();
    outgoing.flush();
    expect([outgoing.pendingBytes, writes()]).toEqual([0, 1]);
    outgoing.frame('', 'b', false);
    expect(await arrives(far, 6)).toBe('\0\x01a\0\x01b');
  });
});

describe('a peer that does not read', () => {
  const megabyte = 'x'.repeat(1024 * 1024);

  it('makes messages wait, which are counted until the kernel has them', async () => {
    const { near, far } = await pair();
    let written = 0;
    const outgoing = new Outgoing(near, (messages) => (written += messages));
    for (let count = 0; count < 32; count++) outgoing.frame('', megabyte, false);
    outgoing.flush();
    outgoing.frame('', 'later', false);
    expect(outgoing.pendingMessages).toBe(33);
    expect(outgoing.pendingBytes).toBeGreaterThan(16 * 1024 * 1024);
    const length = 32 * (9 + megabyte.length) + 7;
    expect((await arrives(far, length)).length).toBe(length);
    await eventually('all is counted', () => written === 33);
    expect([outgoing.pendingMessages, outgoing.pendingBytes]).toEqual([0, 0]);
  });

  it('and goes away leaves them counted as pending', async () => {
    const { near, far } = await pair();
    const outgoing = new Outgoing(near, () => {});
    for (let count = 0; count < 32; count++) outgoing.frame('', megabyte, false);
    outgoing.flush();
    const closed = new Promise((resolve) => near.once('close', resolve));
    far.resetAndDestroy();
    await closed;
    outgoing.frame('', 'too late', false);
    outgoing.flush();
    expect(outgoing.pendingMessages).toBe(33);
  });

  it('tells when little waits, too, which no drain event would', async () => {
    const { near, far } = await pair();
    const filler = Buffer.alloc(8 * 1024 * 1024);
    near.write(filler);
    await eventually('the kernel takes no more', () => near.writableLength > 0);
    let written = 0;
    const outgoing = new Outgoing(near, (messages) => (written += messages));
    outgoing.frame('', 'a', false);
    outgoing.flush();
    expect(written).toBe(0);
    await arrives(far, filler.length + 3);
    await eventually('it is told', () => written === 1);
  });
});
