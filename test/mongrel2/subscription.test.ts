import { expect, it } from 'vitest';
import { expectAlive, withClient } from '../cases/case.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';
import { RawClient } from '../harness/raw-client.js';

const mismatch = ({ code }: { readonly code: string | undefined }): boolean => code === 'M2_SUBSCRIPTION_MISMATCH';

describeWithMongrel2(
  'a recv_ident that matches no reply',
  { handlers: [{ sendIdent: 'sender', recvIdent: 'other' }] },
  (given) => {
    it('is noticed at the first request, and the log says what to change', async () => {
      const { server, log, app } = await serveApp(given.mongrel2.connect, given.mongrel2);
      const client = await RawClient.connect(given.mongrel2.port);
      client.get('/hello');
      const line = await log.lines.first('the mismatch is logged', mismatch);
      expect(line.level).toBe('error');
      expect(line.message).toContain("subscribed to 'other'");
      expect(line.message).toContain("come from 'sender'");
      expect(line.message).toContain('recv_ident');
      await app.saw('/hello');
      client.get('/hello');
      await app.events.first('a second request', () => app.events.entries.length >= 2);
      expect(log.lines.entries.filter(mismatch)).toHaveLength(1);
      expect(client.received).toBe(0);
      await client.close();
      await server.stop({ graceMs: 0 });
    });
  },
);

for (const recvIdent of ['', 'send', 'sender ']) {
  const handlers = [{ sendIdent: 'sender', recvIdent }];
  describeWithMongrel2(`a recv_ident of '${recvIdent}'`, { handlers }, (given) => {
    it('is no mismatch', async () => {
      const gateway = await serveApp(given.mongrel2.connect, given.mongrel2);
      await withClient(gateway, expectAlive);
      expect(gateway.log.lines.entries.filter(mismatch)).toEqual([]);
      expect(gateway.server.stats().links[0]?.subscription).toBe(recvIdent);
      await gateway.server.stop();
    });
  });
}
