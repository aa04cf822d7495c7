import { afterEach, describe, expect, it } from 'vitest';
import { GET, type Pair, settle, startPair, startWithClient, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';

afterEach(stopPairs);

describe('ids', () => {
  it('that are gone bounce as disconnect notices, one per id and message, but not for cancel', async () => {
    const { front, handler } = await startPair();
    handler.reply([7, 8], 'x');
    handler.close(9);
    handler.control(10, { cancel: true });
    handler.control(11, { keepAlive: true });
    await handler.count(4);
    expect(handler.seen.map(({ kind, id }) => [kind, id])).toEqual([7, 8, 9, 11].map((id) => ['disconnect', id]));
    expect(front.stats).toMatchObject({ bounced: 4, notices: 4 });
  });

  it('reach several clients at once, and the same one twice', async () => {
    const { front, handler, client, id } = await startWithClient();
    const other = await TcpClient.open(front, GET);
    const second = (await handler.message(2, 'http')).id;
    handler.reply([id, second, id], 'x');
    await client.ends('xx');
    await other.ends('x');
    handler.close([id, second]);
    expect([await client.end(), await other.end()]).toEqual(['xx', 'x']);
  });

  it('are cancelled at once, with what is queued and without a notice', async () => {
    const pair = await startWithClient();
    pair.handler.reply(pair.id, 'never');
    pair.handler.control(pair.id, { cancel: true });
    expect(await pair.client.end()).toBe('');
    await settle(pair);
    expect(pair.handler.seen.map(({ kind }) => kind)).toEqual(['http', 'http']);
  });
});

describe('disconnect notices', () => {
  it('come when an idle client leaves, and for one that only shuts its sending side', async () => {
    const { front, handler, client, id } = await startWithClient();
    handler.reply(id, 'ok');
    await client.ends('ok');
    client.leave();
    expect((await handler.message(2, 'disconnect')).id).toBe(id);
    const half = await TcpClient.open(front, GET);
    await handler.message(3, 'http');
    half.socket.end();
    expect((await handler.message(4, 'disconnect')).id).toBe(2);
    await half.end();
  });

  it('go only to the handler that the connection last talked to, and to none if it never talked to one', async () => {
    const { front, handlers } = await startPair({ handlers: [{ path: '/a' }, { path: '/b' }] });
    const [a, b] = handlers as [Pair['handler'], Pair['handler']];
    const silent = await TcpClient.open(front);
    silent.leave();
    const client = await TcpClient.open(front, 'GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    const { id } = await b.message(1, 'http');
    client.leave();
    expect((await b.message(2, 'disconnect')).id).toBe(id);
    expect(a.seen.map(({ kind }) => kind)).toEqual(['http']);
  });

  it('do not come after a close', async () => {
    const pair = await startWithClient();
    pair.handler.close(pair.id);
    await pair.client.end();
    await settle(pair);
    expect(pair.handler.seen.map(({ kind }) => kind)).toEqual(['http', 'http']);
  });
});
