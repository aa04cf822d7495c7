import { describe, expect, it } from 'vitest';
import { collecting, http, type Running, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import { ManualClock } from '../testing/index.js';
import type { Reply, Transport } from '../transport.js';
import { NOBODY } from './barrier.js';

/** A Mongrel2 that stands still takes nothing, and all at once when it goes on. */
class Standstill {
  on = false;
  private held: (() => void)[] = [];

  readonly wrap = (transport: Transport): Transport => ({
    ...transport,
    open: async (spec, receiver, signal) => {
      const link = await transport.open(spec, receiver, signal);
      const send = link.send.bind(link);
      link.send = (reply: Reply) => {
        if (!this.on) return send(reply);
        this.held.push(() => send(reply));
        return true;
      };
      return link;
    },
  });

  end(): void {
    this.on = false;
    for (const send of this.held.splice(0)) send();
  }
}

const asked = ({ replies }: Running): number =>
  replies.filter((reply) => !(reply instanceof M2Error) && reply.kind === 'control' && reply.ids[0] === NOBODY).length;

async function streaming(connection: { flowControl?: 'off' | 'auto' } = { flowControl: 'off' }) {
  const clock = new ManualClock();
  const standstill = new Standstill();
  const handler = collecting();
  const running = await start(handler, { connection: { clock, ...connection }, wrap: standstill.wrap });
  const client = running.mongrel2.connect().request();
  await settled();
  const exchange = handler.exchanges[0];
  exchange?.start(200, []);
  const write = async (pieces: number) => {
    for (let n = 0; n < pieces; n++) {
      exchange?.write('piece\n');
      await clock.advanceInTicks(10);
    }
  };
  return { ...running, clock, standstill, client, exchange, write };
}

describe('While Mongrel2 stands still', () => {
  it.each(['off', 'auto'] as const)('no more is sent to a client than it queues (flow control: %s)', async (flowControl) => {
    const { standstill, client, clock, exchange, write, server } = await streaming({ flowControl });
    await write(30);
    standstill.on = true;
    await write(80);
    standstill.end();
    await write(30);
    exchange?.end('end\n');
    await clock.advanceInTicks(2000);
    const { text } = await client.response();
    expect(text).toBe(`${'piece\n'.repeat(140)}end\n`);
    expect(client.mostQueued).toBeLessThanOrEqual(16);
    expect(server.stats().counters).toMatchObject({ replied: 1, truncated: 0, notices: 0 });
  });
});

describe('The barrier', () => {
  it('is not needed for short answers', async () => {
    const running = await start(
      http((exchange) => exchange.respond(200, [])),
      { connection: { flowControl: 'off' } },
    );
    const client = running.mongrel2.connect();
    for (let n = 0; n < 40; n++) await client.request().response();
    expect(asked(running)).toBe(0);
  });

  it('is given up when the answers go elsewhere: then only the rate counts', async () => {
    const running = await streaming();
    // Another handler got the answer to a question that this one did not ask.
    running.mongrel2.sendRaw(new TextEncoder().encode('scripted 0 @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},'));
    await running.write(60);
    expect(asked(running)).toBe(0);
    running.exchange?.end();
    await running.clock.advanceInTicks(2000);
    expect((await running.client.response()).text).toBe('piece\n'.repeat(60));
  });

  it('is waited for three times, a second each, when nothing answers', async () => {
    const running = await streaming();
    running.standstill.on = true;
    await running.write(400);
    expect(running.exchange?.client.bufferedAmount).toBe(0);
    running.standstill.end();
    await running.clock.advanceInTicks(10);
    expect(asked(running)).toBe(3);
  });
});
