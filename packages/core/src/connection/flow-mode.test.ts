import { describe, expect, it } from 'vitest';
import { http, settled, start } from '../../test/harness.js';

const credits = (id: number) =>
  new TextEncoder().encode(`scripted ${id} @* 40:16:DOWNLOAD_CREDITS,1:5,6:METHOD,4:JSON,}18:{"type":"credits"},`);

describe('Credits notices for connections that were not answered here', () => {
  const setup = { mongrel2: { flowControl: true } };

  it('are reported once: another handler is connected, and both will stall', async () => {
    const { mongrel2, lines } = await start(
      http((exchange) => exchange.respond(200, [])),
      setup,
    );
    for (let id = 1000; id < 1015; id++) mongrel2.sendRaw(credits(id));
    await settled();
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
    for (let id = 2000; id < 2100; id++) mongrel2.sendRaw(credits(id));
    await settled();
    expect(lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringContaining('connect one handler only'),
    ]);
  });

  it('are not those of clients that are open, or were closed here', async () => {
    const { mongrel2, lines } = await start(
      http((exchange, { path }) => exchange.respond(200, path === '/close' ? [['connection', 'close']] : [], 'x'.repeat(100))),
      setup,
    );
    for (let n = 0; n < 40; n++) await mongrel2.connect().request({ path: '/close' }).response();
    const client = mongrel2.connect();
    for (let n = 0; n < 40; n++) await client.request().response();
    await settled();
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });
});
