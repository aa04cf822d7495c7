import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { M2Error } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type Listener, listen } from './listen.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const events = { accepted: (socket: Socket) => void socket.destroy(), trouble: () => {} };

async function open(address: string): Promise<Listener> {
  const listener = await listen(address, events);
  closers.push(() => listener.close());
  return listener;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'm2-listen-'));
  closers.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The code of the error with which a promise rejects. */
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => (M2Error.is(error) ? `${error.code}: ${error.message}` : String(error)),
  );

/** A socket file that nobody listens at, as a killed process leaves it. */
async function leftOver(path: string): Promise<void> {
  const server = createServer();
  // Node removes the file of a server that it closes; moved away, it stays.
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve));
  const { renameSync } = await import('node:fs');
  renameSync(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe('listening', () => {
  it.each([
    ['tcp://127.0.0.1:0', /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/],
    ['tcp://127.0.0.1:*', /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/],
    ['tcp://localhost:0', /^tcp:\/\/(?:127\.0\.0\.1|\[::1\]):[1-9]\d+$/],
    ['tcp://*:0', /^tcp:\/\/0\.0\.0\.0:[1-9]\d+$/],
    ['tcp://[::1]:0', /^tcp:\/\/\[::1\]:[1-9]\d+$/],
    ['ipc://*', /^ipc:\/\/\/.+\/socket$/],
  ])('at %s tells the address that it has', async (address, expected) => {
    expect((await open(address)).address).toMatch(expected);
  });

  it('at ipc://* leaves nothing behind', async () => {
    const listener = await listen('ipc://*', events);
    const path = listener.address.slice(6);
    expect(existsSync(path)).toBe(true);
    await listener.close();
    expect([existsSync(path), existsSync(dirname(path))]).toEqual([false, false]);
  });

  it('takes the abstract name space', async () => {
    const name = `m2-listen-${process.pid}`;
    const listener = await open(`ipc://@${name}`);
    expect(listener.address).toBe(`ipc://@${name}`);
    expect(await failure(listen(`ipc://@${name}`, events))).toMatch(/^M2_SOCKET_FAILED/);
  });

  it('hands over connections', async () => {
    let port: number | undefined;
    const accepted = new Promise((resolve) => {
      void listen('tcp://127.0.0.1:0', { ...events, accepted: (socket) => resolve(socket.destroy()) }).then((listener) => {
        closers.push(() => listener.close());
        port = Number(new URL(listener.address).port);
        connect(port, '127.0.0.1').on('error', () => {});
      });
    });
    await accepted;
    expect(port).toBeGreaterThan(0);
  });
});

describe('an address that is taken', () => {
  it.each(['tcp://127.0.0.1:0', 'ipc://*'])('is named (%s)', async (address) => {
    const first = await open(address);
    const why = await failure(listen(first.address, events));
    expect(why).toMatch(/^M2_SOCKET_FAILED: Binding '.+' failed: another socket has the address/);
    expect(why).toContain(first.address);
  });

  it('by a socket file that nobody listens at is taken over', async () => {
    const path = join(folder(), 'left');
    await leftOver(path);
    expect(existsSync(path)).toBe(true);
    expect((await open(`ipc://${path}`)).address).toBe(`ipc://${path}`);
  });

  it('by a file that is no socket is left alone', async () => {
    const path = join(folder(), 'file');
    writeFileSync(path, 'precious');
    expect(await failure(listen(`ipc://${path}`, events))).toMatch(/^M2_SOCKET_FAILED/);
    expect(existsSync(path)).toBe(true);
  });
});

it('an address that cannot be used is told apart', async () => {
  expect(await failure(listen('nonsense', events))).toMatch(/^M2_SPEC_INVALID/);
  expect(await failure(listen(`ipc://${join(folder(), 'no', 'such', 'folder')}`, events))).toMatch(/^M2_SOCKET_FAILED/);
});
