import type { LinkCounters } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { FakeSocket, zeromqError } from '../test/fake-zeromq.js';
import { eventually, latin1, numbered, reply, replyText } from '../test/support.js';
import { SendQueue } from './send-queue.js';

function setUp(options: { capBytes?: number; join?: boolean } = {}) {
  const socket = new FakeSocket('xpub', {});
  const counters: LinkCounters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  const failures: unknown[] = [];
  const queue = new SendQueue(socket, {
    capBytes: options.capBytes ?? 1_000_000,
    join: options.join ?? true,
    counters,
    failed: (error) => failures.push(error),
  });
  return { socket, counters, failures, queue };
}

describe('SendQueue', () => {
  it('makes one call of all replies of a tick', async () => {
    const { socket, queue, counters } = setUp();
    for (const text of numbered('r', 100)) expect(queue.push(reply(1, text))).toBe(true);
    expect(socket.sent).toEqual([]);
    await queue.emptied(1000);
    expect(socket.sent.length).toBe(1);
    expect(socket.texts).toEqual(numbered(replyText('r'), 100));
    expect(counters.sent).toBe(100);
  });

  it('cuts calls by bytes, so that the high-water mark of the socket bounds bytes', async () => {
    const { socket, queue } = setUp();
    for (const text of numbered('x'.repeat(50_000), 9)) queue.push(reply(1, text));
    await queue.emptied(1000);
    expect(socket.sent.map((parts) => parts.length)).toEqual([3, 3, 3]);
  });

  it('sends what the server did not subscribe to by itself, because a message is filtered by its first part', async () => {
    const { socket, queue } = setUp();
    queue.prefix = 'm2-test ';
    const stray = { epoch: 1, head: 'm2-other 1:7, ', data: 'x' };
    for (const one of [stray, reply(1, 'a'), reply(1, 'b'), stray, stray, reply(1, 'c')]) queue.push(one);
    await queue.emptied(1000);
    expect(socket.sent.map((parts) => parts.map(latin1))).toEqual([
      ['m2-other 1:7, x'],
      [replyText('a'), replyText('b')],
      ['m2-other 1:7, x'],
      ['m2-other 1:7, x'],
      [replyText('c')],
    ]);
  });

  it('makes a call of each reply where they are not joined, one after the other', async () => {
    const { socket, queue } = setUp({ join: false, capBytes: 10_000_000 });
    for (const text of numbered('r', 10_000)) queue.push(reply(1, text));
    await queue.emptied(5000);
    expect(socket.sent.length).toBe(10_000);
    expect(socket.texts).toEqual(numbered(replyText('r'), 10_000));
  });

  it('tries again what the socket does not take for now, in order and without loss', async () => {
    const { socket, queue, counters } = setUp();
    socket.refusals = Array.from({ length: 6 }, () => zeromqError('EAGAIN'));
    queue.push(reply(1, 'a'));
    await eventually('the first call was refused', () => socket.refusals.length < 6);
    queue.push(reply(1, 'b'));
    await queue.emptied(5000);
    expect(socket.texts).toEqual([replyText('a'), replyText('b')]);
    expect(counters).toMatchObject({ sent: 2, lost: 0 });
  });

  it('says false above half of its cap, refuses above the cap, and is drained at a quarter', async () => {
    const { socket, queue, counters } = setUp({ capBytes: 1000, join: false });
    const hundred = reply(1, 'x'.repeat(100 - replyText('').length));
    expect(Array.from({ length: 12 }, () => queue.push(hundred))).toEqual([
      ...Array.from({ length: 5 }, () => true),
      ...Array.from({ length: 7 }, () => false),
    ]);
    expect(counters.overflowed).toBe(2);
    let sentWhenDrained = -1;
    await queue.drained().then(() => {
      sentWhenDrained = counters.sent;
    });
    expect(sentWhenDrained).toBe(8);
    await queue.emptied(1000);
    expect(socket.sent.length).toBe(10);
  });

  it('drops and counts what waits when it ends, and wakes who waits for it', async () => {
    const { socket, queue, counters } = setUp({ capBytes: 100 });
    socket.refusals = Array.from({ length: 100 }, () => zeromqError('EAGAIN'));
    for (const text of numbered('r', 5)) queue.push(reply(1, text));
    const drained = queue.drained();
    const emptied = queue.emptied(60_000);
    await eventually('the first call was refused', () => socket.refusals.length < 100);
    queue.end();
    await Promise.all([drained, emptied]);
    expect(counters).toMatchObject({ sent: 0, lost: 5 });
    expect(queue.push(reply(1, 'late'))).toBe(false);
    expect(counters.lost).toBe(6);
    queue.end();
    expect(counters.lost).toBe(6);
  });

  it('reports any other failure of the socket', async () => {
    const { socket, queue, failures } = setUp();
    const error = zeromqError('ETERM');
    socket.refusals.push(error);
    queue.push(reply(1, 'a'));
    await eventually('the failure is reported', () => failures.length > 0);
    expect(failures).toEqual([error]);
  });

  it('does not wait longer than it is told', async () => {
    const { socket, queue } = setUp();
    socket.refusals = Array.from({ length: 1000 }, () => zeromqError('EAGAIN'));
    queue.push(reply(1, 'a'));
    await queue.emptied(1);
    expect(socket.sent).toEqual([]);
    queue.end();
  });
});
