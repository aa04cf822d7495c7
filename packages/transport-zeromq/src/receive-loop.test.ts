import { describe, expect, it } from 'vitest';
import { FakeSocket, zeromqError } from '../test/fake-zeromq.js';
import { eventually, latin1, numbered } from '../test/support.js';
import { ReceiveLoop } from './receive-loop.js';

function setUp() {
  const socket = new FakeSocket('pull', {});
  const batches: string[][] = [];
  const failures: unknown[] = [];
  const loop = new ReceiveLoop(
    socket,
    (batch) => batches.push(batch.map(latin1)),
    (error) => failures.push(error),
  );
  return { socket, batches, failures, loop };
}

describe('ReceiveLoop', () => {
  it('hands over all that can be read without waiting in one call', async () => {
    const { socket, batches, loop } = setUp();
    socket.arrives(...numbered('m', 50));
    loop.start();
    await eventually('they are delivered', () => batches.length > 0);
    expect(batches).toEqual([numbered('m', 50)]);
    socket.arrives('one');
    await eventually('the next is delivered', () => batches.length > 1);
    expect(batches[1]).toEqual(['one']);
  });

  it('takes each part for a message', async () => {
    const { socket, batches, loop } = setUp();
    loop.start();
    socket.inbox.put([Buffer.from('a'), Buffer.from('b')]);
    await eventually('they are delivered', () => batches.length > 0);
    expect(batches).toEqual([['a', 'b']]);
  });

  it('delivers what it has before it tells that the socket failed', async () => {
    const { socket, batches, failures, loop } = setUp();
    loop.start();
    socket.arrives('last');
    socket.close();
    await eventually('the failure is told', () => failures.length > 0);
    expect(batches).toEqual([['last']]);
    expect(failures).toMatchObject([{ code: 'EBADF' }]);
  });

  it('tells a rejection as it tells a throw', async () => {
    const { socket, failures, loop } = setUp();
    loop.start();
    socket.inbox.fail(zeromqError('ETERM'));
    await eventually('the failure is told', () => failures.length > 0);
    expect(failures).toMatchObject([{ code: 'ETERM' }]);
  });

  it('is quiet when nothing came for a while, everything delivered', async () => {
    const { socket, batches, loop } = setUp();
    loop.start();
    const quiet = loop.quiet(10_000);
    socket.arrives('a');
    setImmediate(() => socket.arrives('b'));
    await quiet;
    expect(batches.flat()).toEqual(['a', 'b']);
  });
});
