import { describe, expect, it } from 'vitest';
import { collecting, http, settled, start } from '../../test/harness.js';
import type { Handler } from '../handler.js';
import type { HttpExchange } from '../http/exchange.js';
import type { StoredFile, UploadFiles } from '../http/stored-upload.js';
import { ManualClock, type ScriptedMongrel2 } from '../testing/index.js';
import { encodeNotice, encodeRequest, type Field } from '../wire/server-side.js';

/** Upload files that only keep what is said to them. */
class FakeFiles implements UploadFiles {
  readonly log: string[] = [];
  private wakes: (() => void)[] = [];

  locate(start: string): string | undefined {
    return start.startsWith('/uploads/') ? start.slice('/uploads/'.length) : undefined;
  }

  open(name: string, length: number | undefined): StoredFile {
    const say = (what: string) => void this.log.push(`${name} ${what}`);
    say(`open ${length}`);
    let over: Error | undefined;
    const end = (cause: Error) => {
      over ??= cause;
      for (const wake of this.wakes.splice(0)) wake();
    };
    return {
      read: async () => {
        say('read');
        while (over === undefined) await new Promise<void>((resolve) => this.wakes.push(resolve));
        throw over;
      },
      complete: () => say('complete'),
      abandon: (cause) => {
        say('abandon');
        end(cause);
      },
      close: () => {
        say('close');
        end(new Error('closed'));
      },
    };
  }

  settled(): Promise<void> {
    this.log.push('settled');
    return Promise.resolve();
  }
}

const CHUNKED: Field = ['transfer-encoding', 'chunked'];
const length = (value: number): Field => ['content-length', `${value}`];

/** Messages of stored uploads of one connection, as Mongrel2 writes them. */
function sender(mongrel2: ScriptedMongrel2) {
  const { id } = mongrel2.connect();
  const send = (path: string, headers: readonly Field[]) => {
    const meta: Field[] = [
      ['METHOD', 'POST'],
      ['VERSION', 'HTTP/1.1'],
      ['URI', path],
      ['PATTERN', '/'],
      ['URL_SCHEME', 'http'],
      ['REMOTE_ADDR', '127.0.0.1'],
    ];
    mongrel2.sendRaw(encodeRequest({ server: 'scripted', id, path, meta, headers, body: new Uint8Array(0) }, 'json'));
  };
  return {
    leave: () => mongrel2.sendRaw(encodeNotice('scripted', id, 'disconnect', 'json')),
    start: (framing = CHUNKED, name = 'a') => send('/', [['x-mongrel2-upload-start', `/uploads/${name}`], framing]),
    done: (framing = CHUNKED, name = 'a') =>
      send('/', [['x-mongrel2-upload-start', `/uploads/${name}`], ['x-mongrel2-upload-done', `/uploads/${name}`], framing]),
    get: () => send('/', []),
  };
}

async function served(handler: Handler, more: object = {}) {
  const files = new FakeFiles();
  const running = await start(handler, { connection: { uploads: files, ...more } });
  const one = sender(running.mongrel2);
  return { ...running, files, one, counters: () => running.server.stats().counters };
}

const ignoring = http((exchange) => exchange.respond(200, [], 'ok'));

describe('A stored upload', () => {
  it('is one request of two messages, with a body that is read from its file', async () => {
    const handler = collecting();
    const { files, one, counters } = await served(handler);
    one.start(length(30_000));
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    expect([exchange.body.length, exchange.body.whole, exchange.bodyUnavailable]).toEqual([30_000, undefined, false]);
    void exchange.body.read().catch(() => {});
    one.done(length(30_000));
    await settled();
    exchange.respond(200, []);
    await settled();
    expect(files.log).toEqual(['a open 30000', 'a read', 'a complete', 'a close']);
    expect(counters()).toMatchObject({ received: 1, replied: 1, uploadParts: 1, orphans: 0, forgedUploads: 0 });
  });

  it('lets go of its file when a handler without an exchange is through with it', async () => {
    const { files, one } = await served({ handle: (message, client) => void (message.kind === 'http' && client.send('x')) });
    one.start();
    one.done();
    await settled();
    expect(files.log).toEqual(['a open undefined', 'a close', 'a complete']);
  });

  it('is complete when the connection has a further request, though no word of it came', async () => {
    const { files, one, counters, clients } = await served(ignoring);
    one.start();
    await settled();
    one.get();
    await settled();
    expect(files.log).toEqual(['a open undefined', 'a close', 'a complete']);
    expect(counters()).toMatchObject({ received: 2, replied: 2 });
    expect(clients().filter(({ uploading }) => uploading)).toEqual([]);
  });

  it('that is answered before its length has come says close, and closes when the rest is there', async () => {
    const { files, one, clients, replies } = await served(ignoring);
    one.start(length(30_000));
    await settled();
    const [answer] = replies;
    expect(answer).toMatchObject({ kind: 'data' });
    expect(new TextDecoder().decode((answer as { data: Uint8Array }).data)).toContain('\r\nConnection: close\r\n');
    expect([files.log, clients().length, replies.length]).toEqual([['a open 30000', 'a close'], 1, 1]);
    one.done(length(30_000));
    await settled();
    expect([files.log.at(-1), clients(), replies.at(-1)]).toEqual(['a complete', [], expect.objectContaining({ kind: 'close' })]);
  });

  it('closes at once after an answer that is cut short', async () => {
    const { files, one, clients } = await served(
      http((exchange) => {
        exchange.start(200, []);
        exchange.fail();
      }),
    );
    one.start(length(30_000));
    await settled();
    expect([files.log, clients()]).toEqual([['a open 30000', 'a close', 'a abandon'], []]);
  });

  it('closes its connection after the answer when much of it is still to come, and gives its file up', async () => {
    const { files, one, clients } = await served(ignoring);
    one.start(length(5_000_000));
    await settled();
    expect(files.log).toEqual(['a open 5000000', 'a close', 'a abandon']);
    expect(clients()).toEqual([]);
  });

  it('fails its reader and gives its file up when the client goes away, complete or not', async () => {
    const handler = collecting();
    const { mongrel2, files, one, server } = await served(handler);
    const other = sender(mongrel2);
    one.start();
    other.start(CHUNKED, 'b');
    other.done(CHUNKED, 'b');
    await settled();
    const reads = handler.exchanges.map((exchange) =>
      expect(exchange.body.read()).rejects.toMatchObject({ code: 'M2_CLIENT_GONE' }),
    );
    one.leave();
    other.leave();
    await Promise.all(reads);
    await server.stop({ graceMs: 0 });
    expect(files.log.filter((line) => /abandon|settled/.test(line))).toEqual(['a abandon', 'a abandon', 'b abandon', 'settled']);
  });

  it('that nobody reads is not waited for for ever', async () => {
    const clock = new ManualClock();
    const { files, one, clients, replies } = await served(ignoring, { clock, keepAliveMs: 40_000 });
    one.start();
    await settled();
    clock.advance(80_000);
    expect(clients()).toHaveLength(1);
    clock.advance(40_000);
    await settled();
    expect([clients(), files.log.at(-1)]).toEqual([[], 'a abandon']);
    expect(replies.at(-1)).toMatchObject({ kind: 'control', cancel: true });
  });
});

describe('A stored upload that no handler gets', () => {
  it('is given up when its client leaves while it waits for its turn; complete ones are ours to remove', async () => {
    const { mongrel2, files, one, server } = await served(collecting());
    one.get();
    one.start(CHUNKED, 'b');
    one.done(CHUNKED, 'b');
    one.start(CHUNKED, 'c');
    await settled();
    expect(files.log).toEqual([]);
    await mongrel2.kill();
    await settled();
    expect(files.log).toEqual(['b open undefined', 'b complete', 'b abandon', 'c open undefined', 'c abandon']);
    expect(server.stats().counters).toMatchObject({ received: 3, clientGone: 3 });
  });

  it('is given up when it comes on a connection that was closed here', async () => {
    const { files, one } = await served(http((exchange) => exchange.respond(200, [['Connection', 'close']])));
    one.get();
    await settled();
    one.start(CHUNKED, 'b');
    one.done(CHUNKED, 'b');
    await settled();
    expect(files.log).toEqual(['b open undefined', 'b abandon']);
  });

  it('says so to its handler where there is no folder, however late that looks', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { serve: { maxInFlight: 1 } });
    const [first, second] = [sender(mongrel2), sender(mongrel2)];
    first.start();
    second.start();
    first.done();
    second.done();
    await settled();
    for (let n = 0; n < 2; n++) {
      const exchange = handler.exchanges[n] as HttpExchange;
      expect([exchange.bodyUnavailable, exchange.body.whole?.length]).toEqual([true, 0]);
      exchange.fail(413);
      await settled();
    }
    expect(server.stats().counters).toMatchObject({ received: 2, replied: 2, uploadParts: 2, orphans: 0 });
  });
});
