import type { HttpExchange } from '@m2/core';
import { ManualClock } from '@m2/core/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2, type Mongrel2Fixture } from '../harness/describe.js';
import { ExchangeSource } from '../harness/exchange-source.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';

const PIECE = Buffer.alloc(1_000_000, 'x');

/** m2 with a clock that only the test moves, so that nothing depends on how fast this machine is. */
class Setup {
  readonly clock = new ManualClock();
  readonly source = new ExchangeSource();
  private running: Served | undefined;

  constructor(private readonly given: Mongrel2Fixture) {
    beforeAll(async () => {
      const { clock, given } = this;
      this.running = await serveHandler(this.source, { ...given.mongrel2.connect, flowControl: 'off', clock });
    });
    afterAll(() => this.running?.server.stop({ graceMs: 0 }));
  }

  get served(): Served {
    if (this.running === undefined) throw new Error('m2 is started in beforeAll.');
    return this.running;
  }

  /** A client that asks for the path and then reads nothing. */
  async sleeper(path: string): Promise<{ client: RawClient; exchange: HttpExchange }> {
    const client = await RawClient.connect(this.given.mongrel2.port);
    client.stopReading();
    client.get(path);
    return { client, exchange: await this.source.for(path) };
  }

  /** Sends `count` messages of a megabyte each, Mongrel2 taking one after the other. */
  async send(exchange: HttpExchange, count: number): Promise<void> {
    for (let n = 0; n < count && !exchange.ended; n++) {
      exchange.write(PIECE);
      await this.sent(exchange);
    }
  }

  /** Nothing of the answer waits here any more, and what came back for it was read. */
  async sent({ client }: HttpExchange): Promise<void> {
    do await this.passed();
    while (client.bufferedAmount > 0 && !client.closed);
  }

  /** All that was sent so far has been read by Mongrel2, and what it says of it was read here. */
  async passed(): Promise<void> {
    await this.clock.advanceInTicks(40);
    const client = await RawClient.connect(this.given.mongrel2.port);
    client.get('/hello');
    await client.response();
    await client.close();
    await this.clock.advanceInTicks(40);
  }
}

describeWithMongrel2('A client that cannot keep up, without flow control', {}, (given) => {
  const setup = new Setup(given);

  it('is ended and counted at the 17th message that waits for it', { timeout: 60_000 }, async () => {
    const { client, exchange } = await setup.sleeper('/endless');
    exchange.start(200, []);
    await setup.send(exchange, 60);
    expect(exchange.aborted?.code).toBe('M2_CLIENT_GONE');
    const { server, tap } = setup.served;
    expect(server.stats().counters).toMatchObject({ clientGone: 1, truncated: 0 });
    expect(tap.clients.get(exchange.client.id)?.messages).toBeGreaterThan(16);
    client.startReading();
    await expect(client.response()).rejects.toThrow(/ended/);
    await client.close();
  });

  it.each(['Content-Length', 'chunked'])(
    'is counted when the last message was the one too many, and sees it too (%s)',
    { timeout: 60_000 },
    async (framing) => {
      const { server } = setup.served;
      const before = server.stats().counters;
      let dropped = 0;
      // Where the kernel's buffers end is not known: one of these answers is the shortest that is too long.
      for (let messages = 17; messages <= 40 && dropped === 0; messages++) {
        const { client, exchange } = await setup.sleeper(`/${framing}-${messages}`);
        exchange.start(200, framing === 'chunked' ? [] : [['Content-Length', `${messages * PIECE.length}`]]);
        await setup.send(exchange, messages - 1);
        exchange.end(PIECE);
        await setup.sent(exchange);
        await setup.passed();
        dropped = server.stats().counters.truncated - before.truncated;
        client.startReading();
        const whole = client.response({ ms: 30_000 });
        if (dropped === 0) expect((await whole).body.length).toBe(messages * PIECE.length);
        else await expect(whole).rejects.toThrow(/ended/);
        await client.close();
        await setup.source.gone.first('the client is gone', (id) => id === exchange.client.id);
      }
      const after = server.stats().counters;
      expect([dropped, after.clientGone - before.clientGone]).toEqual([1, 0]);
      expect(after.replied + after.clientGone).toBe(after.received);
      const lines = setup.served.log.lines.entries.filter(({ message }) => message.includes('counted as truncated'));
      expect(lines.length).toBe(after.truncated);
    },
  );
});

describeWithMongrel2('A client that keeps up, while Mongrel2 stands still', {}, (given) => {
  const setup = new Setup(given);

  it('is not dropped for what comes meanwhile', async () => {
    const client = await RawClient.connect(given.mongrel2.port);
    client.get('/stream');
    const exchange = await setup.source.for('/stream');
    exchange.start(200, []);
    const write = async (count: number) => {
      for (let n = 0; n < count; n++) {
        exchange.write('piece\n');
        await setup.clock.advanceInTicks(4);
      }
    };
    await write(20);
    const { pid } = given.mongrel2;
    if (pid === undefined) throw new Error('Mongrel2 does not run.');
    process.kill(pid, 'SIGSTOP');
    // Less than the second after which an answer that does not come is given up.
    await write(200);
    process.kill(pid, 'SIGCONT');
    exchange.end('end\n');
    await setup.sent(exchange);
    expect((await client.response()).text()).toBe(`${'piece\n'.repeat(220)}end\n`);
    await client.close();
  });
});
