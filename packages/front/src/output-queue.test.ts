import { afterEach, describe, expect, it } from 'vitest';
import { settle, startWithClient, stopPairs } from '../test/support/raw-handler.js';

afterEach(stopPairs);

describe('without flow control', () => {
  it('writes 16 messages of a burst, and a close behind 15', async () => {
    const { front, handler, client, id } = await startWithClient();
    for (let at = 0; at < 16; at++) handler.reply(id, `m${at} `);
    await client.ends('m15 ');
    for (let at = 16; at < 31; at++) handler.reply(id, `m${at} `);
    handler.close(id);
    expect(await client.end()).toBe(Array.from({ length: 31 }, (_, at) => `m${at} `).join(''));
    expect(front.stats).toMatchObject({ killed: 0, lostCloses: 0 });
  });

  it('drops a client at the 17th message of a burst, with all of it and without a notice', async () => {
    const pair = await startWithClient();
    const { front, handler, client, id } = pair;
    for (let at = 0; at < 17; at++) handler.reply(id, `m${at}`);
    expect(await client.end()).toBe('');
    expect(front.stats.killed).toBe(1);
    await settle(pair);
    expect(handler.seen.map(({ kind }) => kind)).toEqual(['http', 'http']);
  });

  it('drops a client that does not read', async () => {
    const { front, handler, client, id } = await startWithClient();
    client.socket.pause();
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let at = 0; front.stats.killed === 0 && at < 100; at++) {
      handler.reply(id, megabyte);
      handler.reply(99_999, 'bounces, and tells when it was read');
      await handler.count(2 + at);
    }
    expect(front.stats.killed).toBe(1);
  });

  it('loses a close that finds 16 messages queued', async () => {
    const { front, handler, client, id } = await startWithClient();
    for (let at = 0; at < 16; at++) handler.reply(id, `m${at}`);
    handler.close(id);
    await client.ends('m15');
    handler.reply(id, 'still here');
    await client.ends('still here');
    expect(front.stats.lostCloses).toBe(1);
  });
});

describe('with flow control', () => {
  const settings = { 'download.flow_control': 1 } as const;

  it('announces the window once per connection, and acknowledges each message once it is written', async () => {
    const { handler, client, id } = await startWithClient({ settings });
    expect(handler.seen[0]).toMatchObject({ downloadCredits: 102_400 });
    for (let at = 0; at < 40; at++) handler.reply(id, 'x'.repeat(2560));
    await client.bytes(102_400);
    await handler.count(41);
    expect(
      handler.seen.slice(1).every((message) => message.kind === 'credits' && message.credits === 2560 && message.id === id),
    ).toBe(true);
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await handler.message(42, 'http')).downloadCredits).toBeUndefined();
  });

  it('drops a client whose window is overrun, without a notice', async () => {
    const pair = await startWithClient({ settings });
    pair.handler.reply(pair.id, 'x'.repeat(102_401));
    expect(await pair.client.end()).toBe('');
    await settle(pair);
    expect(pair.handler.seen.map(({ kind }) => kind)).toEqual(['http', 'http']);
    expect(pair.front.stats.killed).toBe(1);
  });
});
